"""GPU nodes on AWS that come when an engine needs one, and go when none does."""

from collections.abc import Mapping, Sequence
from typing import NotRequired, TypedDict

import pulumi
from pulumi_kubernetes.apiextensions import CustomResource

from moorage.aws.gpu_pool_spec import GpuPoolSpec, PoolRung
from moorage.aws.names import check_name
from moorage.aws.node_pool import (
    NODE_CLASS_KINDS,
    NODE_POOL_API_VERSION,
    SPOT_NOTICE_SECONDS,
    node_class_spec,
    node_pool_name,
    node_pool_spec,
)
from moorage.kubernetes.labels import object_labels
from moorage.kubernetes.placement import PlacementArgs, gpu_pool_placement
from moorage.spec.parsing import parse

_CREATED_ELSEWHERE = frozenset({"subnet_ids", "security_group_id", "node_role_name", "key_arn"})
# Its nodes are drained first, after the engines on them are gone.
_DELETE_TIMEOUT = "30m"


class EksPoolRungArgs(TypedDict):
    """One kind of node."""

    instance_type: str
    """Such as `g6e.xlarge`."""
    capacity_type: str
    """`reservation` (or a capacity block), `on-demand` or `spot`."""


class EksGpuPoolArgs(TypedDict):
    """Which nodes the pool may have, and how many."""

    rungs: Sequence[EksPoolRungArgs]
    """In the order in which they are tried: the next one while the one before has no capacity."""
    max_gpus: int
    """How many GPUs the nodes of one rung may have together: no load costs more than that."""
    drain_seconds: int
    """How long an engine needs to finish what it has begun: its pods' termination grace."""
    subnet_ids: pulumi.Input[Sequence[str]]
    """Private ones, as `AwsNetwork` gives them."""
    security_group_id: pulumi.Input[str]
    """As `EksCluster` gives it."""
    node_role_name: pulumi.Input[str]
    """As `EksCluster` gives it."""
    key_arn: pulumi.Input[str]
    """Of the key for the nodes' volumes, as `EksCluster` gives it."""
    provisioner: NotRequired[str]
    """`auto-mode`, or `karpenter` where the cluster is without Auto Mode and you have installed Karpenter. Default:
    auto-mode."""
    ami_version: NotRequired[str]
    """With Karpenter alone: of the Amazon Linux 2023 AMI for EKS, such as `v20250920`. Auto Mode chooses its own."""
    capacity_reservation_ids: NotRequired[Sequence[str]]
    """Of the reservations and capacity blocks that the rung `reservation` launches into. With Auto Mode, nodes of the
    whole cluster then no longer use open reservations that no pool names. Default: none."""
    ephemeral_storage_gib: NotRequired[int]
    """Of a node's own volume, for images and what pods write. Where a node's local NVMe drives hold more, they are used
    instead, as one (RAID 0). Default: 80, so that they are on every instance type with GPUs."""
    tags: NotRequired[Mapping[str, str]]
    """On the instances, their volumes and their network interfaces. Default: none."""


class EksGpuPool(pulumi.ComponentResource):
    """A ladder of Karpenter's node pools, one for each rung, with the same label, taint and node class.

    It launches a node when an engine's pod finds none, and takes one away after it has been empty for five minutes; a
    node with an engine on it goes when it is two weeks old. Give the engines the pool in `depends_on`: else both are
    removed at the same time, and a node waits for an engine that nobody stops.

    It needs a provider for the cluster, of the package kubernetes.
    """

    placement: PlacementArgs
    """What an engine takes to run here."""

    def __init__(self, name: str, args: EksGpuPoolArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Raises `moorage.spec.SpecError` for a ladder that cannot be."""
        super().__init__("moorage:index:EksGpuPool", name, dict(args), opts)
        check_name(name)
        known = {key: value for key, value in args.items() if key not in _CREATED_ELSEWHERE}
        spec = parse(GpuPoolSpec, {"name": name, **known}, "")
        node_class = self._create_node_class(spec, args)
        for rung in spec.rungs:
            self._create_node_pool(spec, rung, node_class)
        self.placement = gpu_pool_placement(
            name,
            "fixed" if spec.only_reserved else "elastic",
            termination_notice_seconds=SPOT_NOTICE_SECONDS if spec.with_spot else None,
        )
        self.register_outputs({"placement": self.placement})

    def _create_node_class(self, spec: GpuPoolSpec, args: EksGpuPoolArgs) -> CustomResource:
        kind = NODE_CLASS_KINDS[spec.provisioner]
        return CustomResource(
            f"{spec.name}-node-class",
            api_version=kind.api_version,
            kind=kind.kind,
            metadata={"name": spec.name, "labels": _labels(spec)},
            spec={
                "role": args["node_role_name"],
                "subnetSelectorTerms": pulumi.Output.from_input(args["subnet_ids"]).apply(_by_id),
                "securityGroupSelectorTerms": [{"id": args["security_group_id"]}],
                **node_class_spec(spec, args["key_arn"]),
            },
            opts=self._child(),
        )

    def _create_node_pool(self, spec: GpuPoolSpec, rung: PoolRung, node_class: CustomResource) -> None:
        name = node_pool_name(spec, rung)
        CustomResource(
            name,
            api_version=NODE_POOL_API_VERSION,
            kind="NodePool",
            metadata={"name": name, "labels": _labels(spec)},
            spec=node_pool_spec(spec, rung),
            opts=self._child(node_class),
        )

    def _child(self, *after: pulumi.Resource) -> pulumi.ResourceOptions:
        return pulumi.ResourceOptions(
            parent=self, depends_on=list(after), custom_timeouts=pulumi.CustomTimeouts(delete=_DELETE_TIMEOUT)
        )


def _labels(spec: GpuPoolSpec) -> dict[str, str]:
    return object_labels(name="gpu-pool", instance=spec.name, component="gpu-pool")


def _by_id(identifiers: Sequence[str]) -> list[dict[str, str]]:
    return [{"id": known} for known in identifiers]
