"""What is seen of a stack on AWS, and who is told when it does not keep its promise."""

import re
from collections.abc import Mapping, Sequence
from typing import NotRequired, TypedDict

import pulumi
from pulumi_aws import cloudwatch

from moorage.aws.alarms import EXPRESSION_ID, Alarm, alarms
from moorage.aws.budget import create_budget
from moorage.aws.dashboard import dashboard_body
from moorage.aws.monitoring_spec import CloudWatchMonitoringSpec
from moorage.aws.monitoring_subjects import (
    MonitoredApiArgs,
    MonitoredEndpointArgs,
    MonitoredLoadBalancerArgs,
    MonitoredServiceArgs,
    subjects,
)
from moorage.aws.names import check_name
from moorage.aws.notification_topic import create_topic
from moorage.aws.tags import named
from moorage.spec.arguments import ServiceLevelArgs
from moorage.spec.parsing import known_of, parse


class CloudWatchAlarmThresholdsArgs(TypedDict):
    """When somebody is told."""

    error_ratio: NotRequired[float]
    """Of requests that fail. Default: 0.05."""
    critical_error_ratio: NotRequired[float]
    """From here on at once. Default: 0.2."""
    throttle_ratio: NotRequired[float]
    """Of requests that are answered 429. Default: 0.1."""
    p99_time_to_first_token_seconds: NotRequired[float]
    """Of streams. Default: 10."""
    startup_seconds: NotRequired[int]
    """From the first request to the first engine. Default: 1200."""
    queue_age_seconds: NotRequired[int]
    """Of the oldest job. Default: 3600."""
    queue_jobs: NotRequired[int]
    """That wait, for a quarter of an hour. Default: 10000."""
    least_requests_per_second: NotRequired[float]
    """With fewer, no ratio and no percentile is looked at. Default: 0.05."""


class CostAllocationTagArgs(TypedDict):
    """By which a bill tells a stack's costs from others."""

    key: str
    """To be activated as a cost allocation tag in the account's billing; before, nothing has cost anything."""
    value: str
    """That the stack's resources have."""


class CloudWatchMonitoringArgs(TypedDict):
    """What is watched, and from when on somebody is told."""

    region: str
    """Such as `eu-central-1`."""
    account_id: pulumi.Input[str]
    """Whose alarms and budgets may notify."""
    stack: str
    """As the gateways' setting `cloudwatch_metrics.stack` has it; no other stack in the account and region may."""
    upstreams: NotRequired[Sequence[str]]
    """Names of the gateways' upstreams: their engines, 9 at most. Default: none is watched."""
    scales_to_zero: NotRequired[bool]
    """Whether there may be no engine while nobody asks. Default: no; that none is up is an alarm."""
    load_balancer: NotRequired[MonitoredLoadBalancerArgs]
    """Before gateways that are always on. Default: none."""
    has_cache: NotRequired[bool]
    """Whether gateways have a Redis or Valkey. Default: no."""
    api: NotRequired[MonitoredApiArgs]
    """Of API Gateway, before gateways on Lambda. Default: none."""
    queue_name: NotRequired[pulumi.Input[str]]
    """Of jobs. Default: none."""
    dead_letter_queue_name: NotRequired[pulumi.Input[str]]
    """Where jobs go that are not tried again. Default: none."""
    endpoint: NotRequired[MonitoredEndpointArgs]
    """Of SageMaker. Default: none."""
    function_name: NotRequired[pulumi.Input[str]]
    """Of Lambda. Default: none."""
    services: NotRequired[Sequence[MonitoredServiceArgs]]
    """Of ECS. Default: none."""
    service_level: NotRequired[ServiceLevelArgs]
    """What is promised. Default: that of `moorage.spec.ServiceLevel`."""
    thresholds: NotRequired[CloudWatchAlarmThresholdsArgs]
    """Default: those of `CloudWatchAlarmThresholds`."""
    runbook_url: str
    """Of the page docs/runbooks/aws-alarms.md, wherever it is read; each alarm links its section."""
    alarm_email: NotRequired[str]
    """Who is told; has to confirm a first message. Default: whoever subscribes to the topic."""
    monthly_budget_usd: NotRequired[float]
    """Told at 80 and 100 percent, and when 100 are foreseen; not in AWS GovCloud. Default: no budget."""
    cost_allocation_tag: NotRequired[CostAllocationTagArgs]
    """What the budget is of. Default: the account's whole bill."""
    tags: NotRequired[Mapping[str, str]]
    """On every resource. Default: none."""


class CloudWatchMonitoring(pulumi.ComponentResource):
    """Alarms on what the service level promises, a topic that they are told to, a dashboard, and a budget.

    Alarms are made for what is there: each looks at metrics of the gateways, whose setting `cloudwatch_metrics` has to
    be there, or of what the arguments name.
    """

    topic_arn: pulumi.Output[str]
    """Of SNS; anybody who is to be told subscribes to it."""
    dashboard_url: pulumi.Output[str]
    """In the console."""

    def __init__(self, name: str, args: CloudWatchMonitoringArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Raises `moorage.spec.SpecError` for thresholds that make no sense."""
        super().__init__("moorage:index:CloudWatchMonitoring", name, dict(args), opts)
        check_name(name)
        self._name, self._spec = name, parse(CloudWatchMonitoringSpec, known_of(CloudWatchMonitoringSpec, args), "")
        self._child = pulumi.ResourceOptions(parent=self)
        topic, policy = create_topic(f"{name}-topic", self._spec, args["account_id"], self._child)
        # An alarm that fires before it may publish is heard by nobody.
        notifying = pulumi.ResourceOptions(parent=self, depends_on=[policy])
        watched = subjects(self._spec.stack, self._spec.upstreams, args)
        made = [self._create_alarm(alarm, topic.arn, notifying) for alarm in alarms(self._spec, watched)]
        if self._spec.monthly_budget_usd is not None:
            create_budget(
                f"{name}-budget",
                monthly_usd=self._spec.monthly_budget_usd,
                cost_allocation_tag=self._spec.cost_allocation_tag,
                topic_arn=topic.arn,
                tags=self._spec.tags,
                opts=notifying,
            )
        dashboard = cloudwatch.Dashboard(
            f"{name}-dashboard",
            # Two components of one name are one dashboard otherwise, and the last one wins.
            dashboard_name=f"{self._spec.stack}-{name}",
            dashboard_body=pulumi.Output.json_dumps(dashboard_body(self._spec, watched, [alarm.arn for alarm in made])),
            opts=self._child,
        )
        self.topic_arn = topic.arn
        self.dashboard_url = pulumi.Output.concat(_dashboards_url(self._spec.region), dashboard.dashboard_name)
        self.register_outputs({"topic_arn": self.topic_arn, "dashboard_url": self.dashboard_url})

    def _create_alarm(
        self, alarm: Alarm, topic_arn: pulumi.Output[str], opts: pulumi.ResourceOptions
    ) -> cloudwatch.MetricAlarm:
        name = f"{self._name}-{_kebab_case(alarm.name)}"
        queries: list[cloudwatch.MetricAlarmMetricQueryArgsDict] = [
            {
                "id": metric.id,
                "metric": {
                    "namespace": metric.namespace,
                    "metric_name": metric.name,
                    "dimensions": metric.dimensions,
                    "stat": metric.statistic,
                    "period": alarm.period_seconds,
                },
                "return_data": alarm.expression is None,
            }
            for metric in alarm.metrics
        ]
        if alarm.expression is not None:
            queries.append(
                {"id": EXPRESSION_ID, "expression": alarm.expression, "label": alarm.name, "return_data": True}
            )
        return cloudwatch.MetricAlarm(
            name,
            alarm_description=alarm.description,
            metric_queries=queries,
            comparison_operator=alarm.comparison_operator,
            threshold=alarm.threshold,
            evaluation_periods=alarm.evaluation_periods,
            datapoints_to_alarm=alarm.datapoints_to_alarm,
            treat_missing_data=alarm.treat_missing_data,
            alarm_actions=[topic_arn],
            ok_actions=[topic_arn],
            tags=named(name, self._spec.tags),
            opts=opts,
        )


def _kebab_case(name: str) -> str:
    """`error-ratio-high` of `MoorageErrorRatioHigh`."""
    return re.sub(r"(?<!^)(?=[A-Z])", "-", name.removeprefix("Moorage")).lower()


def _dashboards_url(region: str) -> str:
    hosts = {"us-gov-": "console.amazonaws-us-gov.com", "eusc-": "console.amazonaws-eusc.eu"}
    own = (host for prefix, host in hosts.items() if region.startswith(prefix))
    host = next(own, f"{region}.console.aws.amazon.com")
    return f"https://{host}/cloudwatch/home?region={region}#dashboards/dashboard/"
