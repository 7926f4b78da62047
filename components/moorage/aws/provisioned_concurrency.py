"""Functions that are kept started: always, by use, or by the clock."""

import re
from collections.abc import Mapping, Sequence
from typing import Annotated, NotRequired, TypedDict

import pulumi
from pulumi_aws import appautoscaling, lambda_
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationInfo, field_validator

from moorage.aws.tags import named
from moorage.spec.numbers import WholeNumber

_STRICT = ConfigDict(frozen=True, extra="forbid", strict=True)
# docs.aws.amazon.com/autoscaling/application/userguide/scheduled-scaling-using-cron-expressions.html (read 2026-11-25)
_EXPRESSION = re.compile(r"(cron|rate|at)\(.+\)")
_DIMENSION, _NAMESPACE = "lambda:function:ProvisionedConcurrency", "lambda"
TARGET_UTILIZATION = 0.7
"""The share that is busy when more are started (docs.aws.amazon.com/lambda/latest/dg/provisioned-concurrency.html has
the same in its example, read 2026-11-25)."""


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

    @field_validator("max", check_fields=False)
    @classmethod
    def _not_below_min(cls, most: int | None, info: ValidationInfo) -> int | None:
        least = info.data.get("min")
        if most is not None and least is not None and most < least:
            raise ValueError(f"must be at least min = {least}")
        return most


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


def create_provisioned_concurrency(
    name: str,
    wanted: ProvisionedConcurrency,
    alias: lambda_.Alias,
    tags: Mapping[str, str],
    opts: pulumi.ResourceOptions,
) -> None:
    """By Application Auto Scaling where the number changes, which alone sets it then."""
    if wanted.is_fixed:
        lambda_.ProvisionedConcurrencyConfig(
            f"{name}-provisioned",
            function_name=alias.function_name,
            qualifier=alias.name,
            provisioned_concurrent_executions=wanted.min,
            opts=opts,
        )
        return
    target = appautoscaling.Target(
        f"{name}-provisioned",
        service_namespace=_NAMESPACE,
        scalable_dimension=_DIMENSION,
        resource_id=pulumi.Output.concat("function:", alias.function_name, ":", alias.name),
        min_capacity=wanted.min,
        max_capacity=wanted.max or wanted.min,
        tags=named(f"{name}-provisioned", tags),
        opts=opts,
    )
    if wanted.follows_use:
        _follow_use(name, target, opts)
    for index, schedule in enumerate(wanted.schedules):
        appautoscaling.ScheduledAction(
            f"{name}-provisioned-{index}",
            service_namespace=target.service_namespace,
            scalable_dimension=target.scalable_dimension,
            resource_id=target.resource_id,
            schedule=schedule.schedule,
            timezone=schedule.timezone,
            scalable_target_action={"min_capacity": schedule.min, "max_capacity": schedule.max},
            opts=opts,
        )


def _follow_use(name: str, target: appautoscaling.Target, opts: pulumi.ResourceOptions) -> None:
    appautoscaling.Policy(
        f"{name}-provisioned-by-use",
        policy_type="TargetTrackingScaling",
        service_namespace=target.service_namespace,
        scalable_dimension=target.scalable_dimension,
        resource_id=target.resource_id,
        target_tracking_scaling_policy_configuration={
            "target_value": TARGET_UTILIZATION,
            "predefined_metric_specification": {"predefined_metric_type": "LambdaProvisionedConcurrencyUtilization"},
        },
        opts=opts,
    )
