"""What a user may say of a fixed group of GPU nodes, validated: pure."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from moorage.aws.gpu_pool_spec import CapacityReservation, InstanceType
from moorage.aws.tags import Tags
from moorage.spec.numbers import WholeNumber


class GpuNodeGroupSpec(BaseModel):
    """The arguments of `EksGpuNodeGroup` that are known before anything is created."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    instance_type: InstanceType
    node_count: WholeNumber = Field(ge=0)
    capacity_type: Literal["reservation", "capacity-block", "on-demand"]
    capacity_reservation_id: CapacityReservation | None = None
    tags: Tags = {}

    @model_validator(mode="after")
    def _reserved_where_it_says_so(self) -> "GpuNodeGroupSpec":
        if (self.capacity_type == "on-demand") != (self.capacity_reservation_id is None):
            raise ValueError(
                f"capacity_type = {self.capacity_type}: reservation and capacity-block need capacity_reservation_id, "
                "on-demand must be without"
            )
        return self
