"""What a user may say of a pool of GPU instances of Amazon ECS, validated: pure."""

import base64
import math
from collections.abc import Sequence
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from moorage.aws.gpu_pool_spec import InstanceType
from moorage.aws.region import Region
from moorage.aws.spot_notice import spot_notice_commands
from moorage.aws.tags import Tags
from moorage.spec.numbers import WholeNumber

AMI_PARAMETER = "/aws/service/ecs/optimized-ami/amazon-linux-2023/gpu/recommended/image_id"
"""AWS's own image with NVIDIA's driver and ECS's agent, the newest when an instance starts
(docs.aws.amazon.com/AmazonECS/latest/developerguide/retrieve-ecs-optimized_AMI.html, read 2026-11-25)."""
_RESERVED_PREFIXES = ("aws", "ecs", "fargate")
"""botocore 1.43.117, ecs: CreateCapacityProvider, name."""
_MOST_INSTANCE_TYPES = 40
"""docs.aws.amazon.com/cdk/api/v2/python/aws_cdk.aws_autoscaling/MixedInstancesPolicy.html, launch_template_overrides
(read 2026-11-25): that a group has at most 40 instance types. The API's own reference has no number (botocore 1.43.117,
autoscaling: LaunchTemplate)."""
_ALL_ON_DEMAND, _ALL_SPOT = 100, 0


class EcsPoolRung(BaseModel):
    """One kind of instance that a pool may have."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    instance_type: InstanceType
    capacity_type: Literal["on-demand", "spot"]


class EcsGpuPoolSpec(BaseModel):
    """The arguments of `EcsGpuPool` that are known before anything is created."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    name: str
    """The component's."""
    region: Region
    rungs: Sequence[EcsPoolRung]
    min_replicas: WholeNumber = Field(ge=1)
    max_instances: WholeNumber = Field(ge=1)
    volume_gib: WholeNumber = Field(default=100, ge=50)
    tags: Tags = {}

    @field_validator("name")
    @classmethod
    def _allowed(cls, name: str) -> str:
        if name.startswith(_RESERVED_PREFIXES):
            raise ValueError(f"must not begin with {', '.join(_RESERVED_PREFIXES)}, which capacity providers may not")
        return name

    @field_validator("rungs")
    @classmethod
    def _a_ladder(cls, rungs: Sequence[EcsPoolRung]) -> Sequence[EcsPoolRung]:
        types = {rung.instance_type for rung in rungs}
        if not 1 <= len(types) <= _MOST_INSTANCE_TYPES or len(set(rungs)) < len(rungs):
            raise ValueError(f"must be of 1 to {_MOST_INSTANCE_TYPES} instance types, no two rungs the same")
        for capacity_type in {rung.capacity_type for rung in rungs}:
            if {rung.instance_type for rung in rungs if rung.capacity_type == capacity_type} != types:
                raise ValueError("must have each instance type in every capacity type: one group launches all")
        return rungs

    @property
    def instance_types(self) -> tuple[str, ...]:
        """Each once, the preferred one first."""
        return tuple(dict.fromkeys(rung.instance_type for rung in self.rungs))

    @property
    def has_spot(self) -> bool:
        return any(rung.capacity_type == "spot" for rung in self.rungs)

    @property
    def on_demand_base(self) -> int:
        """How many instances AWS does not take back: with both kinds, half of the fewest engines, and at least one."""
        kinds = {rung.capacity_type for rung in self.rungs}
        if kinds == {"spot"}:
            return 0
        return math.ceil(self.min_replicas / 2) if "spot" in kinds else 0

    @property
    def on_demand_percentage_above_base(self) -> int:
        """Of the instances beyond `on_demand_base`."""
        return _ALL_SPOT if self.has_spot else _ALL_ON_DEMAND


def user_data(cluster_name: str, *, has_spot: bool) -> str:
    """What the agent is told: which cluster, no instance's own role for tasks, and what becomes of those that end.

    github.com/aws/amazon-ecs-agent, README.md, Environment Variables (read 2026-11-25). How long a task is given to
    stop, its own definition says. Spot instances have engines stopped in time besides.
    """
    lines = [
        "#!/bin/bash",
        "cat >> /etc/ecs/ecs.config <<'END'",
        f"ECS_CLUSTER={cluster_name}",
        "ECS_AWSVPC_BLOCK_IMDS=true",
        "ECS_ENABLE_SPOT_INSTANCE_DRAINING=true",
        "ECS_ENABLE_GPU_SUPPORT=true",
        # The shortest. By itself it is three hours, in which the weights of a task that has ended are on the disk
        # beside those of its successor.
        "ECS_ENGINE_TASK_CLEANUP_WAIT_DURATION=1m",
        "END",
        *(spot_notice_commands() if has_spot else ()),
    ]
    return base64.b64encode(("\n".join(lines) + "\n").encode()).decode()
