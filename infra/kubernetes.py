"""`cloud: kubernetes`: a cluster that exists, with GPU nodes that exist."""

from typing import TYPE_CHECKING, cast

import pulumi
import pulumi_kubernetes

from cluster_stack import ClusterParts, build_cluster_stack
from demand import demand_of
from moorage.planner.node_fit import NodeShape, node_parallelism
from outputs import StackOutputs
from settings import Settings

if TYPE_CHECKING:
    from cluster_configuration import NodeSettings
    from moorage.kubernetes.placement import PlacementArgs

_SHAPE_KEYS = set(NodeShape.model_fields)


def build_kubernetes(settings: Settings) -> StackOutputs:
    """Raises `moorage.spec.SpecError` for a model that the nodes do not hold."""
    nodes = cast("NodeSettings", settings.configuration.nodes)
    shape = NodeShape.model_validate(nodes.model_dump(include=_SHAPE_KEYS))
    parallelism = node_parallelism(demand_of(settings.configuration), shape)
    provider = pulumi_kubernetes.Provider("cluster", context=settings.configuration.cluster.context)
    parts = ClusterParts(
        platform="kubernetes",
        placement=cast("PlacementArgs", nodes.model_dump(exclude=_SHAPE_KEYS, exclude_none=True)),
        parallelism=parallelism,
        gpu_memory_gib=nodes.gpu_memory_gib,
        opts=pulumi.ResourceOptions(provider=provider),
        estimated_cost={"note": "the cluster's own nodes are not counted"},
    )
    return build_cluster_stack(settings, parts)
