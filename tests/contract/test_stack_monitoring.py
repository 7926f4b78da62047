"""What a stack on AWS gives `CloudWatchMonitoring`, and its gateways."""

import importlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pulumi
import pytest
import yaml

from moorage.spec import SpecError

from .aws_answers import ACCOUNT_ID
from .recording import PROJECT, STACK, Recording, run_program

ROOT = Path(__file__).parents[2]
MODULES = ("aws_monitoring", "settings")
FILE = ROOT / "stacks" / "Pulumi.aws-serverless.yaml"
EKS_FILE = ROOT / "stacks" / "Pulumi.aws-always-on.yaml"


@pytest.fixture(scope="module")
def infra() -> Iterator[SimpleNamespace]:
    """Imported as Pulumi runs them: from their own folder."""
    before = set(sys.modules)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(ROOT / "infra")
        yield SimpleNamespace(**{name: importlib.import_module(name) for name in MODULES})
    for name in [name for name in set(sys.modules) - before if (ROOT / "infra" / f"{name}.py").exists()]:
        del sys.modules[name]


@pytest.fixture
def built(infra: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Monitors a stack on AWS whose builder knows this of it."""

    def build(
        estimated_cost: dict[str, float | str], region: str = "us-east-1", **said: object
    ) -> tuple[Any, Recording]:
        keys = yaml.safe_load(FILE.read_text())["config"]
        keys |= {
            "moorage:service_level": {"p99_request_seconds": 20},
            "moorage:cloudwatch": said,
            "moorage:aws": {**keys["moorage:aws"], "region": region},
        }
        given = {key: value if isinstance(value, str) else json.dumps(value) for key, value in keys.items()}
        monkeypatch.setenv("PULUMI_CONFIG", json.dumps(given))

        def program() -> Any:
            settings = infra.settings.read_settings()
            watched = infra.aws_monitoring.WatchedStack(
                account_id=ACCOUNT_ID, upstreams=["engine"], estimated_cost=estimated_cost, parts={"queue_name": "jobs"}
            )
            infra.aws_monitoring.monitor_aws(settings, watched, pulumi.ResourceOptions())
            return infra.aws_monitoring.with_cloudwatch_metrics(settings)

        return run_program(program)

    return build


@pytest.fixture
def in_cluster(infra: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Watches what a stack on EKS costs."""

    def build(estimated_cost: dict[str, float | str], **said: object) -> Recording:
        keys = {**yaml.safe_load(EKS_FILE.read_text())["config"], "moorage:cloudwatch": said}
        given = {key: value if isinstance(value, str) else json.dumps(value) for key, value in keys.items()}
        monkeypatch.setenv("PULUMI_CONFIG", json.dumps(given))

        def program() -> None:
            settings = infra.settings.read_settings()
            infra.aws_monitoring.budget_aws(settings, ACCOUNT_ID, estimated_cost, pulumi.ResourceOptions())

        return run_program(program)[1]

    return build


def test_gateways_tell_by_the_name_that_alarms_look_for(built: Any):
    told, recording = built({})
    stack = f"{PROJECT}-{STACK}"
    assert told["cloudwatch_metrics"] == {"stack": stack}
    of_gateways = [
        query["metric"]["dimensions"]["Stack"]
        for alarm in recording.of_type("MetricAlarm")
        for query in alarm.inputs["metricQueries"]
        if "metric" in query and query["metric"]["namespace"] == "Moorage"
    ]
    assert set(of_gateways) == {stack}


def test_the_stacks_promise_tags_and_parts_reach_the_alarms(built: Any):
    _, recording = built({})
    by_name = {alarm.name: alarm.inputs for alarm in recording.of_type("MetricAlarm")}
    assert by_name["monitoring-requests-slow"]["threshold"] == 20
    assert by_name["monitoring-job-queue-old"]["tags"]["stack"] == "moorage"


@pytest.mark.parametrize(
    ("estimated_cost", "given", "limit"),
    [
        ({"usd_per_hour": 1.0, "note": ""}, {}, "1095.00"),
        ({"usd_per_hour": 1.0, "note": ""}, {"monthly_budget_usd": 500.0}, "500.00"),
        ({"note": "the catalogue has no price"}, {"monthly_budget_usd": 500.0}, "500.00"),
    ],
)
def test_the_budget_is_what_is_said_or_half_as_much_again_as_the_estimate(
    built: Any, estimated_cost: dict[str, float | str], given: dict[str, float], limit: str
):
    _, recording = built(estimated_cost, **given)
    assert recording.the("Budget").inputs["limitAmount"] == limit


def test_nothing_is_budgeted_that_nobody_has_estimated(built: Any):
    _, recording = built({"note": "the catalogue has no price"})
    assert recording.of_type("Budget") == []


def test_whoever_is_named_is_told_and_where_to_read_on(built: Any):
    page = "https://example.com/aws-alarms.md"
    _, recording = built({}, alarm_email="harbour-master@example.com", runbook_url=page)
    assert recording.the("TopicSubscription").inputs["endpoint"] == "harbour-master@example.com"
    assert all(page in alarm.inputs["alarmDescription"] for alarm in recording.of_type("MetricAlarm"))


def test_govcloud_has_no_budget_and_a_stack_there_is_built_without_one(built: Any):
    assert built({"usd_per_hour": 1.0}, region="us-gov-west-1")[1].of_type("Budget") == []
    assert built({"usd_per_hour": 1.0}, region="eu-central-1")[1].of_type("Budget") != []


def test_a_budget_in_govcloud_is_refused_by_its_key(built: Any):
    with pytest.raises(SpecError, match=r"cloudwatch\.monthly_budget_usd = 500: AWS Budgets is not in AWS GovCloud"):
        built({}, region="us-gov-west-1", monthly_budget_usd=500.0)


def test_what_is_no_address_is_refused_by_its_key(built: Any):
    with pytest.raises(SpecError, match=r'cloudwatch\.alarm_email = "harbour-master": must be an e-mail address'):
        built({}, alarm_email="harbour-master")


@pytest.mark.parametrize(
    ("estimated_cost", "given", "limit"),
    [({"usd_per_hour": 1.0}, {}, "1095.00"), ({"note": "no price"}, {"monthly_budget_usd": 500.0}, "500.00")],
)
def test_a_stack_in_a_cluster_has_a_budget_whose_topic_tells_whoever_is_named(
    in_cluster: Any, estimated_cost: dict[str, float | str], given: dict[str, float], limit: str
):
    recording = in_cluster(estimated_cost, alarm_email="on-call@example.com", **given)
    budget, topic = recording.the("Budget"), recording.the("Topic")
    assert budget.inputs["limitAmount"] == limit
    told = {arn for notification in budget.inputs["notifications"] for arn in notification["subscriberSnsTopicArns"]}
    assert told == {recording.the("TopicSubscription").inputs["topic"]}
    assert recording.the("TopicSubscription").inputs["endpoint"] == "on-call@example.com"
    assert {made.inputs["tags"]["stack"] for made in (budget, topic, recording.the("Key"))} == {"moorage"}
    assert recording.of_type("MetricAlarm") == []


def test_a_cluster_that_nobody_has_estimated_has_neither_budget_nor_topic(in_cluster: Any):
    recording = in_cluster({"note": "no price"})
    assert recording.of_type("Budget") == recording.of_type("Topic") == []


def test_a_runbook_of_alarms_is_refused_where_there_are_none(in_cluster: Any):
    with pytest.raises(SpecError, match=r"cloudwatch\.runbook_url: has no meaning in a cluster"):
        in_cluster({}, runbook_url="https://example.com/aws-alarms.md")
