"""Where engine pods run: what a pool of GPU nodes tells the engines that are placed on it."""

from collections.abc import Mapping, Sequence
from typing import Literal, NotRequired, TypedDict

GPU_RESOURCE = "nvidia.com/gpu"
"""What a pod requests, as NVIDIA's device plugin names it; also the key of the taint on the pool's nodes."""
GPU_TAINT_VALUE = "present"
GPU_TAINT_EFFECT = "NoSchedule"
GPU_POOL_LABEL = "moorage.dev/gpu-pool"
"""On each of a pool's nodes: the pool's name."""

PoolKind = Literal["elastic", "fixed"]


class TolerationArgs(TypedDict):
    """As Kubernetes has it."""

    key: str
    """Of the taint."""
    operator: str
    """`Exists`, or `Equal` together with `value`."""
    value: NotRequired[str]
    """Of the taint. Default: any."""
    effect: NotRequired[str]
    """`NoSchedule`, `PreferNoSchedule` or `NoExecute`. Default: any."""


class PlacementArgs(TypedDict):
    """Which nodes an engine's pods run on, and what is special about them."""

    node_selector: Mapping[str, str]
    """Labels that a node must have."""
    tolerations: Sequence[TolerationArgs]
    """Of the taints that keep other pods off these nodes."""
    pool_kind: str
    """`elastic`, where a node more can be had for a rollout, or `fixed`, where it cannot."""
    termination_notice_seconds: NotRequired[int]
    """How long before a node is taken away its pods are told: of spot nodes. Default: as long as they ask for."""


def gpu_pool_placement(
    pool: str, pool_kind: PoolKind, *, termination_notice_seconds: int | None = None
) -> PlacementArgs:
    """The placement on the pool of this name, whose nodes have its label and the taint `nvidia.com/gpu`."""
    placement = PlacementArgs(
        node_selector={GPU_POOL_LABEL: pool},
        tolerations=[TolerationArgs(key=GPU_RESOURCE, operator="Exists", effect=GPU_TAINT_EFFECT)],
        pool_kind=pool_kind,
    )
    if termination_notice_seconds is not None:
        placement["termination_notice_seconds"] = termination_notice_seconds
    return placement
