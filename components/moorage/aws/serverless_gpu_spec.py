"""What a function with a GPU is asked to be, validated."""

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator

from moorage.aws.lambda_quotas import LEAST_EPHEMERAL_STORAGE_MB, MOST_EPHEMERAL_STORAGE_MB, MOST_TIMEOUT_SECONDS
from moorage.aws.log_retention import RetentionDays
from moorage.aws.region import Region
from moorage.aws.tags import Tags
from moorage.kubernetes.image import PinnedImage
from moorage.spec.numbers import WholeNumber, not_below

# botocore 1.44.5, lambda: CreateFunction, CreateCapacityProvider, FunctionScalingConfig.
_MOST_MEMORY_MB = 32_768
_LEAST_VCPUS, _MOST_VCPUS = 2, 15_000
_MOST_ENVIRONMENTS = 15_000
_MOST_CONCURRENT_REQUESTS = 1_600


def _of_a_gpu(memory_gib: int) -> int:
    """docs.aws.amazon.com/serverless-application-model/latest/developerguide/
    sam-property-function-acceleratorconfig.html (read 2026-11-25)."""
    allowed = (3, 6, 12, 16, 24, 48)
    if memory_gib not in allowed:
        raise ValueError(f"must be one of {', '.join(str(size) for size in allowed)}")
    return memory_gib


class LambdaGpuFunctionSpec(BaseModel):
    """What `LambdaGpuFunctionArgs` say that is known before anything is created."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    region: Region
    image: PinnedImage
    accelerator_memory_gib: Annotated[WholeNumber, AfterValidator(_of_a_gpu)]
    memory_mb: WholeNumber = Field(ge=2048, le=_MOST_MEMORY_MB)
    memory_gib_per_vcpu: Literal[2, 4, 8] = 4
    ephemeral_storage_mb: WholeNumber = Field(
        default=LEAST_EPHEMERAL_STORAGE_MB, ge=LEAST_EPHEMERAL_STORAGE_MB, le=MOST_EPHEMERAL_STORAGE_MB
    )
    timeout_seconds: WholeNumber = Field(default=MOST_TIMEOUT_SECONDS, ge=1, le=MOST_TIMEOUT_SECONDS)
    concurrent_requests: WholeNumber = Field(default=16, ge=1, le=_MOST_CONCURRENT_REQUESTS)
    min_environments: WholeNumber = Field(default=1, ge=0, le=_MOST_ENVIRONMENTS)
    max_environments: WholeNumber = Field(default=1, ge=1, le=_MOST_ENVIRONMENTS)
    instance_types: Sequence[str] | None = Field(default=None, min_length=1)
    max_vcpus: WholeNumber = Field(ge=_LEAST_VCPUS, le=_MOST_VCPUS)
    log_retention_days: RetentionDays = 90
    tags: Tags = {}

    _not_below_min = field_validator("max_environments")(not_below("min_environments"))
