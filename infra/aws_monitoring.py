"""Who is told when a stack on AWS does not keep its promise, or costs more than was meant."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import pulumi
from pydantic import JsonValue

from moorage.aws.budget import create_budget
from moorage.aws.monitoring import CloudWatchMonitoring, CloudWatchMonitoringArgs
from moorage.aws.monitoring_spec import WITHOUT_BUDGETS, CloudWatchMonitoringSpec, has_budgets
from moorage.aws.monitoring_subjects import MonitoredPartsArgs
from moorage.aws.notification_topic import create_topic
from moorage.spec import Problem, SpecError
from stack_dimension import stack_dimension

if TYPE_CHECKING:
    from aws_configuration import AwsSettings
    from moorage.spec.arguments import ServiceLevelArgs
    from settings import Settings

_HOURS_PER_MONTH = 730
_BUDGET_FACTOR = 1.5
"""On the estimate, which is of the least engines: more of them, traffic, logs and the gateway come on top."""


@dataclass(frozen=True)
class WatchedStack:
    """What a builder knows of the stack that it has built."""

    account_id: pulumi.Input[str]
    upstreams: Sequence[str]
    """Names of the gateways' upstreams."""
    estimated_cost: Mapping[str, float | str]
    parts: MonitoredPartsArgs
    scales_to_zero: bool = False
    p99_time_to_first_token_seconds: float | None = None
    """Of a healthy stack at most. None: as the alarms' own threshold has it."""


def with_cloudwatch_metrics(settings: "Settings") -> dict[str, JsonValue]:
    """The gateway's settings, by which it tells CloudWatch what autoscaling and alarms stand on."""
    return {**settings.configuration.gateway.settings, "cloudwatch_metrics": {"stack": stack_dimension(settings)}}


def monitor_aws(settings: "Settings", watched: WatchedStack, opts: pulumi.ResourceOptions) -> CloudWatchMonitoring:
    """Alarms, their topic, a dashboard and a budget. Its `dashboard_url` is the stack's.

    Raises `moorage.spec.SpecError` for a budget where AWS has none.
    """
    aws, said = cast("AwsSettings", settings.configuration.aws), settings.configuration.cloudwatch
    args: CloudWatchMonitoringArgs = {
        **watched.parts,
        "region": aws.region,
        "account_id": watched.account_id,
        "stack": stack_dimension(settings),
        "upstreams": watched.upstreams,
        "scales_to_zero": watched.scales_to_zero,
        "service_level": cast("ServiceLevelArgs", settings.given.get("service_level", {})),
        "runbook_url": said.runbook_url,
        "tags": aws.tags,
    }
    if watched.p99_time_to_first_token_seconds is not None:
        args["thresholds"] = {"p99_time_to_first_token_seconds": watched.p99_time_to_first_token_seconds}
    if said.alarm_email is not None:
        args["alarm_email"] = said.alarm_email
    budget = _monthly_usd(settings, watched.estimated_cost)
    if budget is not None:
        args["monthly_budget_usd"] = budget
    return CloudWatchMonitoring("monitoring", args, opts)


def budget_aws(
    settings: "Settings",
    account_id: pulumi.Input[str],
    estimated_cost: Mapping[str, float | str],
    opts: pulumi.ResourceOptions,
) -> None:
    """A budget and its topic alone, for a stack whose alarms are Prometheus'; nothing where there is no estimate."""
    monthly_usd = _monthly_usd(settings, estimated_cost)
    if monthly_usd is None:
        return
    aws, said = cast("AwsSettings", settings.configuration.aws), settings.configuration.cloudwatch
    spec = CloudWatchMonitoringSpec(
        region=aws.region,
        stack=stack_dimension(settings),
        runbook_url=said.runbook_url,
        alarm_email=said.alarm_email,
        tags=aws.tags,
    )
    topic, policy = create_topic("spend-topic", spec, account_id, opts)
    create_budget(
        "spend-budget",
        monthly_usd=monthly_usd,
        cost_allocation_tag=None,
        topic_arn=topic.arn,
        tags=aws.tags,
        # A budget that may not publish yet is heard by nobody.
        opts=pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(depends_on=[policy])),
    )


def _monthly_usd(settings: "Settings", estimated_cost: Mapping[str, float | str]) -> float | None:
    said, aws = settings.configuration.cloudwatch.monthly_budget_usd, cast("AwsSettings", settings.configuration.aws)
    if has_budgets(aws.region):
        return said or budget_of(estimated_cost)
    if said is not None:
        raise SpecError([Problem("cloudwatch.monthly_budget_usd", f" = {said:g}: {WITHOUT_BUDGETS}")])
    return None


def budget_of(estimated_cost: Mapping[str, float | str]) -> float | None:
    """Half as much again as a month of the estimate, in whole dollars; None where there is no estimate."""
    usd_per_hour = estimated_cost.get("usd_per_hour")
    if not isinstance(usd_per_hour, float | int) or usd_per_hour <= 0:
        return None
    return float(math.ceil(usd_per_hour * _HOURS_PER_MONTH * _BUDGET_FACTOR))
