"""What a queue of jobs is asked to be, validated."""

from pydantic import BaseModel, ConfigDict, Field

from moorage.aws.region import Region
from moorage.aws.tags import Tags
from moorage.spec.numbers import WholeNumber

# docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SetQueueAttributes.html (read 2026-11-25)
_MOST_VISIBILITY_SECONDS = 43_200
_MOST_RETENTION_DAYS = 14
DEAD_LETTER_RETENTION_DAYS = 14
"""The longest that there is: a job's age goes on from when it was sent."""
LONG_POLL_SECONDS = 20


class SqsJobQueueSpec(BaseModel):
    """What `SqsJobQueueArgs` say that is known before anything is created."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    region: Region
    visibility_seconds: WholeNumber = Field(default=60, ge=3, le=_MOST_VISIBILITY_SECONDS)
    retention_days: WholeNumber = Field(default=4, ge=1, lt=_MOST_RETENTION_DAYS)
    max_receive_count: WholeNumber = Field(default=10, ge=1, le=1_000)
    result_retention_days: WholeNumber = Field(default=_MOST_RETENTION_DAYS, ge=_MOST_RETENTION_DAYS)
    """Of results and of the table's records: a result is never gone before its record is."""
    deletion_protection: bool = True
    tags: Tags = Field(default_factory=dict)
