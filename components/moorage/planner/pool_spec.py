"""What a stack says about its pool of GPU nodes; the rest is chosen."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from moorage.planner.gpu_catalog import Cloud
from moorage.spec.numbers import WholeNumber

CapacityType = Literal["reservation", "on-demand", "flex-start", "spot"]
CAPACITY_TYPES: dict[Cloud, tuple[CapacityType, ...]] = {
    "aws": ("reservation", "on-demand", "spot"),
    "gcp": ("reservation", "on-demand", "flex-start", "spot"),
}
"""Which each cloud has (docs.aws.amazon.com/eks/latest/userguide/ml-node-pools.html,
docs.cloud.google.com/kubernetes-engine/docs/concepts/about-custom-compute-classes; read 2026-08)."""
LASTING: frozenset[CapacityType] = frozenset({"reservation", "on-demand"})
"""What the cloud does not take back: spot goes at any time, flex-start after seven days."""


class PoolSpec(BaseModel):
    """Where the nodes are, how they are bought, and what of the choice is already made."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    capacity_types: list[CapacityType] = Field(
        default=["on-demand"],
        min_length=1,
        description="How nodes are bought, the preferred way first: reservation, on-demand, spot, and on Google Cloud "
        "flex-start. With two replicas or more one of them has to be reservation or on-demand. Default: on-demand.",
    )
    instance_types: list[str] | None = Field(
        default=None,
        min_length=1,
        description="The types to take, the preferred one first; each has to fit. Default: the cheapest that fit.",
    )
    tensor_parallel_size: WholeNumber | None = Field(
        default=None, ge=1, description="GPUs of a node that share each layer. Default: the fewest that fit."
    )
    max_nodes: WholeNumber = Field(
        default=1,
        ge=1,
        description="Over how many nodes one replica may be spread, where no single one holds it. Default: 1.",
    )
