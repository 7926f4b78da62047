"""What is said of a stack's monitoring before anything is created."""

import math
import re
from collections.abc import Sequence
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationInfo, field_validator

from moorage.aws.account import partition_of
from moorage.aws.region import Region
from moorage.aws.tags import Tags
from moorage.spec.alert_thresholds import ServiceAlertThresholds
from moorage.spec.service_level import ServiceLevel

# A dimension's value, and a part of the dashboard's name (botocore 1.43.117, cloudwatch: PutDashboard).
MAX_STACK_LENGTH = 127
STACK = re.compile(rf"[A-Za-z0-9][A-Za-z0-9_-]{{0,{MAX_STACK_LENGTH - 1}}}")
# "Alarms based on metric math expressions can reference a maximum of 10 metrics" (docs.aws.amazon.com/AmazonCloudWatch/
# latest/monitoring/alarm-limits.html, read 2026-11-26): one of each upstream, and the demand.
_MOST_UPSTREAMS = 9
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


WITHOUT_BUDGETS = "AWS Budgets is not in AWS GovCloud; leave it out, and have one in the standard account that pays"


def has_budgets(region: str) -> bool:
    """Whether AWS Budgets is in the region's part of AWS. GovCloud alone has no address of it (botocore 1.43.117,
    budgets: endpoint-rule-set-1); its bill is that of a standard account."""
    return partition_of(region) != "aws-us-gov"


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
    upstreams: Sequence[str] = Field(default=(), max_length=_MOST_UPSTREAMS)
    scales_to_zero: bool = False
    service_level: ServiceLevel = ServiceLevel()
    thresholds: CloudWatchAlarmThresholds = CloudWatchAlarmThresholds()
    runbook_url: str = Field(min_length=1)
    alarm_email: Email | None = None
    monthly_budget_usd: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    cost_allocation_tag: CostAllocationTag | None = None
    tags: Tags = {}

    @field_validator("monthly_budget_usd")
    @classmethod
    def _can_be_had(cls, usd: float | None, info: ValidationInfo) -> float | None:
        if usd is not None and not has_budgets(info.data.get("region", "")):
            raise ValueError(WITHOUT_BUDGETS)
        return usd

    def inputs(self) -> dict[str, float]:
        """What `%{name}` stands for in alarms and dashboard, but for what follows from a period."""
        return {
            **self.thresholds.model_dump(),
            "startup_periods": self.thresholds.startup_periods,
            "p99_request_seconds": self.service_level.p99_request_seconds,
        }
