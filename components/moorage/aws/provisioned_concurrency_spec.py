"""How many environments of a function are kept started, validated."""

import re
from collections.abc import Sequence
from typing import Annotated, NotRequired, TypedDict

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator

from moorage.spec.numbers import WholeNumber, not_below

_STRICT = ConfigDict(frozen=True, extra="forbid", strict=True)
# docs.aws.amazon.com/autoscaling/application/userguide/scheduled-scaling-using-cron-expressions.html (read 2026-11-25)
_EXPRESSION = re.compile(r"(cron|rate|at)\(.+\)")


class ProvisionedConcurrencyScheduleArgs(TypedDict):
    """From when on how many are kept started."""

    schedule: str
    """`cron(0 8 ? * MON-FRI *)`, `rate(1 day)` or `at(2027-01-31T08:00:00)`."""
    timezone: NotRequired[str]
    """Such as `Europe/Berlin`. Default: UTC."""
    min: int
    """0 for none."""
    max: int
    """As many as `min`, or more by use."""


class ProvisionedConcurrencyArgs(TypedDict):
    """How many environments of a function are kept started. They cost by the hour, whether they are used or not."""

    min: int
    """At least 1."""
    max: NotRequired[int]
    """By use: more are started when 70 % are busy. Default: as many as `min`."""
    schedules: NotRequired[Sequence[ProvisionedConcurrencyScheduleArgs]]
    """Other numbers from some times on. Default: none."""


def _an_expression(schedule: str) -> str:
    if not _EXPRESSION.fullmatch(schedule):
        raise ValueError("must be cron(…), rate(…) or at(…)")
    return schedule


class _Bounds(BaseModel):
    model_config = _STRICT

    _not_below_min = field_validator("max", check_fields=False)(not_below("min"))


class ProvisionedConcurrencySchedule(_Bounds):
    """As `ProvisionedConcurrencyScheduleArgs`."""

    schedule: Annotated[str, AfterValidator(_an_expression)]
    timezone: str = Field(default="UTC", min_length=1)
    min: WholeNumber = Field(ge=0)
    max: WholeNumber = Field(ge=0)


class ProvisionedConcurrency(_Bounds):
    """As `ProvisionedConcurrencyArgs`."""

    min: WholeNumber = Field(ge=1)
    max: WholeNumber | None = Field(default=None, ge=1)
    schedules: Sequence[ProvisionedConcurrencySchedule] = ()

    @property
    def most(self) -> int:
        """At any time."""
        return max([self.max or self.min, *(schedule.max for schedule in self.schedules)])

    @property
    def follows_use(self) -> bool:
        """At some time."""
        return any(bounds.max is not None and bounds.max > bounds.min for bounds in (self, *self.schedules))

    @property
    def is_fixed(self) -> bool:
        return self.most == self.min and not self.schedules
