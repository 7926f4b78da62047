"""GPU nodes on AWS that are always there: for capacity that is paid for anyway."""

from collections.abc import Mapping, Sequence
from typing import NotRequired, TypedDict

import pulumi
from pulumi_aws import ec2, eks

from moorage.aws.gpu_node_group_spec import GpuNodeGroupSpec
from moorage.aws.launch_template import Volume, create_launch_template
from moorage.aws.names import check_name
from moorage.aws.tags import named
from moorage.kubernetes.placement import (
    GPU_POOL_LABEL,
    GPU_RESOURCE,
    GPU_TAINT_VALUE,
    PlacementArgs,
    gpu_pool_placement,
)
from moorage.spec.parsing import parse

_CREATED_ELSEWHERE = frozenset({"cluster_name", "kubernetes_version", "subnet_ids", "node_role_arn", "key_arn"})
AMI_TYPE = "AL2023_x86_64_NVIDIA"
# github.com/awslabs/ai-on-eks, infra/base/terraform/karpenter-resources (read 2026-11-23): an image with CUDA has many
# gigabytes, and a node starts as fast as its volume takes them.
VOLUME = Volume(size_gib=300, iops=16_000, throughput_mib_per_second=1_000)


class EksGpuNodeGroupArgs(TypedDict):
    """Which nodes, and out of which reservation."""

    cluster_name: pulumi.Input[str]
    """As `EksCluster` gives it."""
    kubernetes_version: pulumi.Input[str]
    """As `EksCluster` gives it; nodes follow a change one by one."""
    subnet_ids: pulumi.Input[Sequence[str]]
    """Private ones; for reserved capacity, those in its zone alone."""
    node_role_arn: pulumi.Input[str]
    """As `EksCluster` gives it."""
    key_arn: pulumi.Input[str]
    """Of the key for the nodes' volumes, as `EksCluster` gives it."""
    instance_type: str
    """Such as `p5.48xlarge`."""
    node_count: int
    """How many there always are."""
    capacity_type: str
    """`reservation`, `capacity-block` or `on-demand`."""
    capacity_reservation_id: NotRequired[str]
    """Of the reservation or capacity block. Default: none, with on-demand alone."""
    tags: NotRequired[Mapping[str, str]]
    """On every resource, and on the instances, their volumes and their network interfaces. Default: none."""


class EksGpuNodeGroup(pulumi.ComponentResource):
    """A managed node group of a fixed size, with NVIDIA's driver, for a cluster without Auto Mode.

    Its nodes are replaced one after the other, the old one first, because there is no capacity for one more. Before a
    capacity block ends, EKS scales the group to zero by itself; then remove it from the stack. NVIDIA's device plugin
    is not on them: `ClusterAddons` installs it.
    """

    placement: PlacementArgs
    """What an engine takes to run here."""

    def __init__(self, name: str, args: EksGpuNodeGroupArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Raises `moorage.spec.SpecError` for nodes that cannot be."""
        super().__init__("moorage:index:EksGpuNodeGroup", name, dict(args), opts)
        check_name(name)
        known = {key: value for key, value in args.items() if key not in _CREATED_ELSEWHERE}
        spec = parse(GpuNodeGroupSpec, known, "")
        template = create_launch_template(
            f"{name}-template",
            volume=VOLUME,
            key_arn=args["key_arn"],
            tags=spec.tags,
            instance_type=spec.instance_type,
            capacity_reservation_id=spec.capacity_reservation_id,
            market_type="capacity-block" if spec.capacity_type == "capacity-block" else None,
            opts=pulumi.ResourceOptions(parent=self),
        )
        self._create_node_group(name, args, spec, template)
        self.placement = gpu_pool_placement(name, "fixed")
        self.register_outputs({"placement": self.placement})

    def _create_node_group(
        self, name: str, args: EksGpuNodeGroupArgs, spec: GpuNodeGroupSpec, template: ec2.LaunchTemplate
    ) -> None:
        eks.NodeGroup(
            f"{name}-nodes",
            cluster_name=args["cluster_name"],
            version=args["kubernetes_version"],
            node_role_arn=args["node_role_arn"],
            subnet_ids=args["subnet_ids"],
            ami_type=AMI_TYPE,
            capacity_type="CAPACITY_BLOCK" if spec.capacity_type == "capacity-block" else "ON_DEMAND",
            scaling_config={"min_size": 0, "max_size": max(spec.node_count, 1), "desired_size": spec.node_count},
            update_config={"max_unavailable": 1, "update_strategy": "MINIMAL"},
            node_repair_config={"enabled": True},
            launch_template={"id": template.id, "version": template.latest_version.apply(str)},
            labels={GPU_POOL_LABEL: name},
            taints=[{"key": GPU_RESOURCE, "value": GPU_TAINT_VALUE, "effect": "NO_SCHEDULE"}],
            tags=named(f"{name}-nodes", spec.tags),
            opts=pulumi.ResourceOptions(parent=self),
        )
