"""What `CloudWatchMonitoring` tells whom, when it has to, and never else."""

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from moorage.aws.gateway_metrics import GATEWAY_METRICS, NAMESPACE
from moorage.spec import SpecError

from .aws_answers import ACCOUNT_ID, REGION
from .aws_examples import AWS_EXAMPLES
from .aws_programs import VARIANTS, program
from .cloudwatch_alarm import Minutes, Series, is_in_alarm
from .recording import Recording, run_program, value_of

RUNBOOK = Path(__file__).parents[2] / "docs" / "runbooks" / "aws-alarms.md"
METRICS = Path(__file__).with_name("aws_cloudwatch_metrics.csv")
MINUTES = 30

STACK, TARGET_GROUP = "moorage-test", "targetgroup/harbour/0123456789abcdef"
BALANCER, ENDPOINT, FUNCTION = "app/harbour/0123456789abcdef", "one", "harbour-function"
API, JOBS, FAILED_JOBS = "harbour-api", "harbour-jobs", "harbour-jobs-failed"


def always(*values: float) -> Minutes:
    return [values] * MINUTES


def lately(before: Sequence[float], minutes: int, *values: float) -> Minutes:
    """Only in the last minutes these values."""
    return [before] * (MINUTES - minutes) + [values] * minutes


NOTHING: Minutes = [()] * MINUTES
HEALTHY: dict[tuple[str, str], Minutes] = {
    ("Requests", STACK): always(666),
    ("Errors", STACK): always(6),
    ("Throttles", STACK): always(60),
    ("RequestSeconds", STACK): always(*[10.0] * 60),
    ("TimeToFirstTokenSeconds", STACK): always(*[1.0] * 60),
    ("DemandRequests", STACK): always(*[20] * 6),
    ("AvailableEndpoints", "engine"): always(*[2] * 6),
    ("AvailableEndpoints", "endpoint"): always(*[1] * 6),
    ("RedisAvailable", STACK): always(*[1] * 6),
    ("HealthyHostCount", TARGET_GROUP): always(2),
    ("RequestCount", BALANCER): always(666),
    ("Count", API): always(100),
    ("5XXError", API): always(1),
    ("ApproximateAgeOfOldestMessage", JOBS): always(30),
    ("ApproximateNumberOfMessagesVisible", FAILED_JOBS): always(0),
    ("Invocations", ENDPOINT): always(100),
    ("Invocation5XXErrors", ENDPOINT): always(0),
    ("Invocations", FUNCTION): always(100),
    ("Errors", FUNCTION): always(0),
    ("Throttles", FUNCTION): always(0),
}
IDLE: dict[tuple[str, str], Minutes] = {
    ("Requests", STACK): always(0),
    ("Errors", STACK): always(0),
    ("Throttles", STACK): always(0),
    ("DemandRequests", STACK): always(*[0] * 6),
    ("AvailableEndpoints", "engine"): always(*[0] * 6),
    ("AvailableEndpoints", "endpoint"): always(*[1] * 6),
    ("HealthyHostCount", TARGET_GROUP): always(2),
}
"""Nobody asks, and AWS tells nothing of what does nothing."""
NO_ENGINE = {("AvailableEndpoints", "engine"): always(0), ("AvailableEndpoints", "endpoint"): always(0)}
FIRING: list[tuple[str, Series]] = [
    ("MoorageErrorRatioHigh", {("Errors", STACK): always(66)}),
    ("MoorageErrorRatioCritical", {("Errors", STACK): lately([6], 5, 300)}),
    ("MoorageThrottleRatioHigh", {("Throttles", STACK): always(120)}),
    ("MoorageTimeToFirstTokenHigh", {("TimeToFirstTokenSeconds", STACK): always(*[1.0] * 58, 15.0, 15.0)}),
    ("MoorageRequestsSlow", {("RequestSeconds", STACK): always(*[10.0] * 58, 61.0, 61.0)}),
    (
        "MoorageNoEngineReady",
        {
            ("AvailableEndpoints", "engine"): lately([2], 2, *[0] * 6),
            ("AvailableEndpoints", "endpoint"): lately([1], 2, *[0] * 6),
        },
    ),
    ("MoorageColdStartOverBudget", NO_ENGINE),
    ("MoorageGatewayMetricsMissing", {("Requests", STACK): lately([666], 10)}),
    # One of two gateways.
    ("MoorageRedisUnavailable", {("RedisAvailable", STACK): lately([1], 5, 1, 0)}),
    ("MoorageNoHealthyTarget", {("HealthyHostCount", TARGET_GROUP): lately([2], 3, 0)}),
    ("MoorageNoHealthyTarget", {("HealthyHostCount", TARGET_GROUP): lately([2], 3)}),
    ("MoorageLoadBalancerErrorRatioHigh", {("HTTPCode_ELB_5XX_Count", BALANCER): always(60)}),
    # No target was found for any of them, and none of them is counted as a request.
    (
        "MoorageLoadBalancerErrorRatioHigh",
        {("HTTPCode_ELB_5XX_Count", BALANCER): lately([], 2, 60), ("RequestCount", BALANCER): NOTHING},
    ),
    ("MoorageApiErrorRatioHigh", {("5XXError", API): lately([1], 5, 6)}),
    ("MoorageJobQueueDeep", {("ApproximateNumberOfMessagesVisible", JOBS): always(20_000)}),
    ("MoorageJobQueueOld", {("ApproximateAgeOfOldestMessage", JOBS): always(4000)}),
    ("MoorageDeadLetters", {("ApproximateNumberOfMessagesVisible", FAILED_JOBS): lately([0], 1, 1)}),
    ("MoorageEndpointErrorRatioHigh", {("Invocation5XXErrors", ENDPOINT): always(6)}),
    ("MoorageFunctionErrorRatioHigh", {("Errors", FUNCTION): always(6)}),
    ("MoorageFunctionThrottled", {("Throttles", FUNCTION): always(1)}),
]
"""What of a healthy service has to change for each alarm."""
QUIET: list[tuple[str, Series]] = [
    ("one failure of two requests", {("Requests", STACK): lately([0], 1, 2), ("Errors", STACK): lately([0], 1, 1)}),
    ("a burst of failures that is over", {("Errors", STACK): [(6,)] * 20 + [(100,)] * 4 + [(6,)] * 6}),
    ("one slow stream of two", {("TimeToFirstTokenSeconds", STACK): lately([], 1, 1.0, 90.0)}),
    ("an engine that is replaced", {("AvailableEndpoints", "engine"): lately([2], 5, *[0] * 6)}),
    ("engines that are gone for a moment", {key: lately([2], 1, 2, 0, 0, 0, 0, 2) for key in NO_ENGINE}),
    ("lines of the log that come late", {key: [*minutes[:-1], ()] for key, minutes in HEALTHY.items()}),
    ("a gateway's target that is replaced", {("HealthyHostCount", TARGET_GROUP): lately([2], 2, 0)}),
    ("a start within its time", {key: lately([1], 1, *[0] * 6) for key in NO_ENGINE}),
    ("a limit that is met for some minutes", {("Throttles", STACK): lately([60], 8, 120)}),
    ("a Redis that fails over", {("RedisAvailable", STACK): lately([1], 2, 0, 0, 0, 1)}),
    ("one invocation that is refused", {("Throttles", FUNCTION): lately([0], 1, 1)}),
]


def recorded(variant: str = "monitoring", **changes: object) -> Recording:
    return run_program(program(VARIANTS[variant], **changes))[1]


def alarms(**changes: object) -> dict[str, Mapping[str, Any]]:
    """By the names that the runbook has."""
    changes = {"thresholds": ..., "service_level": ..., **changes}
    found = recorded(**changes).of_type("MetricAlarm")
    return {_name(alarm.inputs): alarm.inputs for alarm in found}


def _name(alarm: Mapping[str, Any]) -> str:
    anchor = alarm["alarmDescription"].rpartition("#")[2]
    return next(heading for heading in headings() if heading.lower() == anchor)


def headings() -> list[str]:
    return [line.removeprefix("## ") for line in RUNBOOK.read_text().splitlines() if line.startswith("## ")]


def in_alarm(series: Series, **changes: object) -> set[str]:
    return {name for name, alarm in alarms(**changes).items() if is_in_alarm(alarm, series)}


def looked_up(recording: Recording) -> Iterator[tuple[str, str, str]]:
    """Namespace, name and dimensions of every metric of alarms and dashboard."""
    for alarm in recording.of_type("MetricAlarm"):
        for query in alarm.inputs["metricQueries"]:
            if "metric" in query:
                metric = query["metric"]
                yield metric["namespace"], metric["metricName"], " ".join(sorted(metric["dimensions"]))
    for widget in dashboard(recording)["widgets"]:
        for namespace, name, *dimensions, _ in (row for row in widget["properties"].get("metrics", []) if len(row) > 1):
            yield namespace, name, " ".join(sorted(dimensions[::2]))


def dashboard(recording: Recording) -> Any:
    return json.loads(recording.the("Dashboard").inputs["dashboardBody"])


# When somebody is told


def test_a_healthy_service_tells_nothing():
    assert in_alarm(HEALTHY) == set()


def test_a_service_that_nobody_uses_tells_nothing():
    assert in_alarm(IDLE) == set()


@pytest.mark.parametrize(("name", "change"), FIRING, ids=[f"{name}-{index}" for index, (name, _) in enumerate(FIRING)])
def test_each_alarm_goes_off_when_it_has_to(name: str, change: Series):
    assert name in in_alarm({**HEALTHY, **change})


def test_each_alarm_is_tried():
    assert {name for name, _ in FIRING} == set(alarms())


@pytest.mark.parametrize(("what", "change"), QUIET, ids=[what for what, _ in QUIET])
def test_what_passes_by_itself_wakes_nobody(what: str, change: Series):
    assert in_alarm({**HEALTHY, **change}) == set(), what


def test_engines_at_zero_are_no_alarm_where_they_may_be():
    idle = {**IDLE, **NO_ENGINE}
    assert in_alarm(idle, scales_to_zero=True) == set()
    assert "MoorageNoEngineReady" in in_alarm(idle, scales_to_zero=False)


def test_requests_that_wait_for_an_engine_in_vain_are_an_alarm_there_too():
    assert in_alarm({**HEALTHY, **NO_ENGINE}, scales_to_zero=True) == {"MoorageColdStartOverBudget"}


def test_a_dead_letter_is_told_of_until_it_is_gone_although_sqs_falls_silent():
    alarm = alarms()["MoorageDeadLetters"]
    silent = {**HEALTHY, ("ApproximateNumberOfMessagesVisible", FAILED_JOBS): NOTHING}
    assert is_in_alarm(alarm, silent) is None
    assert is_in_alarm(alarm, HEALTHY) is False


def test_promises_and_thresholds_decide():
    slow = {**HEALTHY, ("RequestSeconds", STACK): always(*[10.0] * 60)}
    assert "MoorageRequestsSlow" in in_alarm(slow, service_level={"p99_request_seconds": 9})
    assert "MoorageErrorRatioHigh" in in_alarm(HEALTHY, thresholds={"error_ratio": 0.005})
    assert "MoorageThrottleRatioHigh" in in_alarm(HEALTHY, thresholds={"throttle_ratio": 0.05})
    assert "MoorageJobQueueOld" in in_alarm(
        {**HEALTHY, ("ApproximateAgeOfOldestMessage", JOBS): always(120)}, thresholds={"queue_age_seconds": 60}
    )


# Who is told, and what


@pytest.mark.parametrize("variant", ["monitoring", "monitoring of gateways alone"])
def test_every_metric_is_one_that_somebody_tells(variant: str):
    with METRICS.open() as lines:
        of_aws = {(row["namespace"], row["name"], row["dimensions"]) for row in csv.DictReader(lines)}
    of_gateways = {(NAMESPACE, metric.name, " ".join(sorted(metric.dimensions))) for metric in GATEWAY_METRICS}
    found = set(looked_up(recorded(variant)))
    assert found
    assert found <= of_aws | of_gateways


def test_every_metric_that_gateways_tell_is_seen():
    found = {(namespace, name) for namespace, name, _ in looked_up(recorded())}
    assert {(NAMESPACE, metric.name) for metric in GATEWAY_METRICS} <= found


def test_no_metric_is_listed_that_nobody_looks_at():
    with METRICS.open() as lines:
        listed = {(row["namespace"], row["name"]) for row in csv.DictReader(lines)}
    assert listed <= {(namespace, name) for namespace, name, _ in looked_up(recorded())}


def test_each_alarm_links_a_section_of_the_runbook_and_each_section_has_an_alarm():
    base = AWS_EXAMPLES[VARIANTS["monitoring"][0]]["runbook_url"]
    for name, alarm in alarms().items():
        assert alarm["alarmDescription"].endswith(f" {base}#{name.lower()}")
    assert set(headings()) == {*alarms(), "MoorageSpend"}


def test_an_alarm_is_told_when_it_begins_and_when_it_is_over():
    (topic,) = recorded().of_type("Topic")
    arn = f"arn:aws:sns:{REGION}:{ACCOUNT_ID}:{topic.name}"
    for alarm in alarms().values():
        assert alarm["alarmActions"] == alarm["okActions"] == [arn]
        assert "insufficientDataActions" not in alarm


def test_nothing_is_told_before_it_may_be():
    recording = recorded()
    policy = recording.the("TopicPolicy").urn
    for found in [*recording.of_type("MetricAlarm"), recording.the("Budget")]:
        assert policy in found.dependencies


def test_alarms_are_made_for_what_is_there():
    found = {found.name for found in recorded("monitoring of gateways alone").of_type("MetricAlarm")}
    assert found == {
        f"harbour-{name}"
        for name in (
            *("error-ratio-high", "error-ratio-critical", "throttle-ratio-high"),
            *("time-to-first-token-high", "requests-slow", "cold-start-over-budget"),
        )
    }


def test_every_alarm_looks_at_one_result():
    for alarm in alarms().values():
        assert len([query for query in alarm["metricQueries"] if query["returnData"]]) == 1
        assert alarm["datapointsToAlarm"] <= alarm["evaluationPeriods"]
        assert len(alarm["alarmDescription"]) <= 1024


def test_this_accounts_alarms_and_budgets_alone_publish_to_the_topic_and_use_its_key():
    recording = recorded()
    topic = json.loads(recording.the("TopicPolicy").inputs["policy"])["Statement"]
    (key,) = [found for found in recording.of_type("Key") if found.name.endswith("topic-key")]
    for statements in (topic, json.loads(key.inputs["policy"])["Statement"]):
        services = {s["Principal"]["Service"]: s["Condition"] for s in statements if "Service" in s["Principal"]}
        assert {service: condition["ArnLike"]["aws:SourceArn"] for service, condition in services.items()} == {
            "cloudwatch.amazonaws.com": f"arn:aws:cloudwatch:{REGION}:{ACCOUNT_ID}:alarm:*",
            "budgets.amazonaws.com": f"arn:aws:budgets::{ACCOUNT_ID}:*",
        }
        assert all(c["StringEquals"] == {"aws:SourceAccount": ACCOUNT_ID} for c in services.values())
    assert recording.the("Topic").inputs["kmsMasterKeyId"]


def test_whoever_is_named_is_told():
    subscription = recorded().the("TopicSubscription").inputs
    assert (subscription["protocol"], subscription["endpoint"]) == ("email", "harbour-master@example.com")
    assert recorded("monitoring of gateways alone").of_type("TopicSubscription") == []


def test_the_budget_is_told_of_before_it_is_spent():
    budget = recorded().the("Budget").inputs
    assert (budget["limitAmount"], budget["limitUnit"]) == ("1200.50", "USD")
    assert [(n["notificationType"], n["threshold"]) for n in budget["notifications"]] == [
        ("ACTUAL", 80),
        ("ACTUAL", 100),
        ("FORECASTED", 100),
    ]
    assert recorded("monitoring of gateways alone").of_type("Budget") == []


def test_the_budget_is_of_what_has_the_tag_or_of_the_whole_bill():
    assert recorded().the("Budget").inputs["costFilters"] == [{"name": "TagKeyValue", "values": ["user:team$harbour"]}]
    assert recorded(cost_allocation_tag=...).the("Budget").inputs["costFilters"] == []


# What is seen


def test_the_dashboard_shows_every_alarm_and_no_widget_over_another():
    recording = recorded()
    overview, *widgets = dashboard(recording)["widgets"]
    assert len(overview["properties"]["alarms"]) == len(recording.of_type("MetricAlarm"))
    cells = [
        (x, y)
        for widget in (overview, *widgets)
        for x in range(widget["x"], widget["x"] + widget["width"])
        for y in range(widget["y"], widget["y"] + widget["height"])
    ]
    assert len(set(cells)) == len(cells)
    assert max(x for x, _ in cells) < 24


def test_demand_is_divided_by_the_samples_that_a_minute_has():
    (widget,) = [w for w in dashboard(recorded())["widgets"] if w["properties"]["title"].startswith("Demand")]
    demand, shown, *_ = widget["properties"]["metrics"]
    assert demand[-1] == {"stat": "Sum", "id": "m1", "visible": False}
    assert shown == [{"expression": "m1 / 6", "id": "e1", "label": "demand"}]


def test_no_alarm_looks_at_more_metrics_than_cloudwatch_lets_it_with_as_many_upstreams_as_there_may_be():
    made = recorded(upstreams=[f"engine-{number}" for number in range(9)]).of_type("MetricAlarm")
    assert max(sum("metric" in query for query in alarm.inputs["metricQueries"]) for alarm in made) == 10


def test_the_dashboard_has_an_address_in_the_console():
    made, _ = run_program(program(VARIANTS["monitoring"]))
    assert value_of(made.dashboard_url) == (
        f"https://{REGION}.console.aws.amazon.com/cloudwatch/home?region={REGION}"
        "#dashboards/dashboard/moorage-test-harbour"
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"stack": "moorage/test"}, 'stack = "moorage/test": must be up to 127 letters'),
        ({"alarm_email": "harbour-master"}, 'alarm_email = "harbour-master": must be an e-mail address'),
        ({"monthly_budget_usd": 0.0}, "monthly_budget_usd = 0.0: must be"),
        ({"region": "us-gov-west-1"}, "monthly_budget_usd = .*: AWS Budgets is not in AWS GovCloud"),
        ({"upstreams": [f"engine-{number}" for number in range(10)]}, "upstreams"),
        ({"region": "cn-north-1"}, "outside China"),
        ({"thresholds": {"error_ratio": 2.0}}, "thresholds.error_ratio = 2.0: must be"),
        ({"thresholds": {"kv_cache_usage_ratio": 0.9}}, "kv_cache_usage_ratio"),
    ],
)
def test_what_makes_no_sense_is_refused_at_preview(changes: Mapping[str, object], message: str):
    with pytest.raises(SpecError, match=message):
        recorded(**changes)
