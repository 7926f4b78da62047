"""One kind of GPU nodes on GKE, and one way to get them."""

from collections.abc import Mapping, Sequence
from typing import NotRequired, TypedDict

import pulumi
from pulumi_gcp import container

from moorage.gcp import gpu_pool_settings
from moorage.gcp.cluster_settings import secure_node
from moorage.gcp.gpu_pool_spec import GpuPoolSpec
from moorage.gcp.names import check_name
from moorage.kubernetes.placement import PlacementArgs, gpu_pool_placement
from moorage.spec.parsing import parse

_CREATED_ELSEWHERE = frozenset({"cluster_id", "node_service_account_email", "kms_key_id"})


class GkePoolRungArgs(TypedDict):
    """One kind of node, and one way to get it."""

    instance_type: str
    """As the GPU catalogue names it, such as `g2-standard-8`."""
    capacity_type: str
    """`reservation`, `on-demand`, `flex-start` (given when Google has one, for at most seven days) or `spot`."""


class GkeGpuPoolArgs(TypedDict):
    """Which nodes, how many, and where."""

    cluster_id: pulumi.Input[str]
    """Of `GkeCluster`, or `projects/…/locations/…/clusters/…` of another."""
    node_service_account_email: pulumi.Input[str]
    """Whom nodes act as: of `GkeCluster`."""
    kms_key_id: pulumi.Input[str]
    """For their disks: of `GkeCluster`."""
    zones: Sequence[str]
    """Where they may be, such as `["europe-west4-a"]`: not every zone has every GPU."""
    rungs: Sequence[GkePoolRungArgs]
    """One: a node pool is of one machine type. `GkeComputeClass` takes several."""
    reservations: NotRequired[Mapping[str, str]]
    """With a rung of capacity type `reservation`: the reservation's name by the rung's instance type, or
    `projects/PROJECT/reservations/NAME` of one that another project shares. Default: none."""
    min_node_count: NotRequired[int]
    """In all zones together. Default: 0."""
    max_node_count: int
    """In all zones together. If it is the same as `min_node_count`, the pool is fixed."""
    boot_disk_gb: NotRequired[int]
    """Images are on it; weights and caches are on local SSDs. Default: 200."""
    extended_spot_termination: NotRequired[bool]
    """Whether pods on spot nodes have 105 seconds to end in place of 15. GKE before 1.35.0-gke.1171000 refuses nodes of
    which it is asked. Default: they have."""
    labels: NotRequired[Mapping[str, str]]
    """On nodes and disks. Default: none."""


class GkeGpuPool(pulumi.ComponentResource):
    """GPU nodes with Google's driver, local SSDs for what pods write, image streaming and secure boot.

    They come and go with the pods that ask for them. Only pods that tolerate `nvidia.com/gpu` get there. Give the
    engines the pool in `depends_on`: else both are removed at the same time, and a node is drained of an engine that
    nobody stops.
    """

    placement: PlacementArgs
    """What an engine takes to run here."""
    node_pool_id: pulumi.Output[str]

    def __init__(self, name: str, args: GkeGpuPoolArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Raises `moorage.spec.SpecError` for nodes that Google Cloud does not have, or not in this way."""
        super().__init__("moorage:index:GkeGpuPool", name, dict(args), opts)
        check_name(name)
        known = {key: value for key, value in args.items() if key not in _CREATED_ELSEWHERE}
        spec = parse(GpuPoolSpec, known, "")
        pool = self._create_node_pool(name, args, spec)
        self.placement = placement_on_pool(name, spec)
        self.node_pool_id = pool.id
        self.register_outputs({"placement": self.placement, "node_pool_id": self.node_pool_id})

    def _create_node_pool(self, name: str, args: GkeGpuPoolArgs, spec: GpuPoolSpec) -> container.NodePool:
        common = secure_node(spec.labels, args["node_service_account_email"], args["kms_key_id"])
        return container.NodePool(
            f"{name}-nodes",
            cluster=args["cluster_id"],
            node_locations=list(spec.zones),
            initial_node_count=spec.initial_node_count,
            autoscaling={
                "total_min_node_count": spec.min_node_count,
                "total_max_node_count": spec.max_node_count,
                # Any zone that has one is better than none.
                "location_policy": "ANY",
            },
            management=gpu_pool_settings.management(spec),
            upgrade_settings=gpu_pool_settings.upgrade_settings(spec),
            network_config={"enable_private_nodes": True},
            node_config={**common, **gpu_pool_settings.gpu_node(name, spec)},
            # It counts only when a pool is made, and would replace it.
            opts=pulumi.ResourceOptions(parent=self, ignore_changes=["initialNodeCount"]),
        )


def placement_on_pool(name: str, spec: GpuPoolSpec) -> PlacementArgs:
    return gpu_pool_placement(name, spec.pool_kind, termination_notice_seconds=spec.termination_notice_seconds)
