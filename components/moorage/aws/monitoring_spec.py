"""What is said of a stack's monitoring before anything is created."""

import math
import re
from collections.abc import Sequence
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from moorage.aws.region import Region
from moorage.aws.tags import Tags
from moorage.spec.alert_thresholds import ServiceAlertThresholds
from moorage.spec.service_level import ServiceLevel

# A dimension's value, and a part of the dashboard's name (botocore 1.43.117, cloudwatch: PutDashboard).
MAX_STACK_LENGTH = 127
STACK = re.compile(rf"[A-Za-z0-9][A-Za-z0-9_-]{{0,{MAX_STACK_LENGTH - 1}}}")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")


def _checked_stack(stack: str) -> str:
    if not STACK.fullmatch(stack):
        raise ValueError("must be up to 127 letters, digits, hyphens and underscores, the first a letter or a digit")
    return stack


def _checked_email(address: str) -> str:
    if not _EMAIL.fullmatch(address):
        raise ValueError("must be an e-mail address")
    return address


Email = Annotated[str, AfterValidator(_checked_email)]


class CostAllocationTag(BaseModel):
    """By which a bill tells a stack's costs from others."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    key: str = Field(min_length=1, max_length=128)
    value: str = Field(min_length=1, max_length=256)


class CloudWatchAlarmThresholds(ServiceAlertThresholds):
    """And those of what AWS's services alone tell."""

    throttle_ratio: float = Field(default=0.1, gt=0, le=1)
    """Tenants are to meet their limits now and then; one of ten is more than that."""
    queue_age_seconds: int = Field(default=3600, ge=60)
    """A job has no client who waits for it, but somebody who wants it today."""
    queue_jobs: int = Field(default=10_000, ge=1)
    """A night's work is no backlog; one that grows for days is an old one too."""

    @property
    def startup_periods(self) -> int:
        """Minutes."""
        return math.ceil(self.startup_seconds / 60)


class CloudWatchMonitoringSpec(BaseModel):
    """Arguments that are known at preview."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    region: Region
    stack: Annotated[str, AfterValidator(_checked_stack)]
    upstreams: Sequence[str] = ()
    scales_to_zero: bool = False
    service_level: ServiceLevel = ServiceLevel()
    thresholds: CloudWatchAlarmThresholds = CloudWatchAlarmThresholds()
    runbook_url: str = Field(min_length=1)
    alarm_email: Email | None = None
    monthly_budget_usd: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    cost_allocation_tag: CostAllocationTag | None = None
    tags: Tags = {}

    def inputs(self) -> dict[str, float]:
        """What `%{name}` stands for in alarms and dashboard, but for what follows from a period."""
        return {
            **self.thresholds.model_dump(),
            "startup_periods": self.thresholds.startup_periods,
            "p99_request_seconds": self.service_level.p99_request_seconds,
        }
