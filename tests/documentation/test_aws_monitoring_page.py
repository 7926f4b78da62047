"""The tables and the program of docs/aws-monitoring.md say what there is."""

from moorage.aws.gateway_metrics import GATEWAY_METRICS
from tests.contract.recording import Recording, run_program

from .pages import ROOT, Page

PAGE = Page(ROOT / "docs" / "aws-monitoring.md")
WITH_A_LOAD_BALANCER = {
    *("MoorageErrorRatioHigh", "MoorageErrorRatioCritical", "MoorageThrottleRatioHigh", "MoorageTimeToFirstTokenHigh"),
    *("MoorageRequestsSlow", "MoorageNoEngineReady", "MoorageColdStartOverBudget", "MoorageGatewayMetricsMissing"),
    *("MoorageNoHealthyTarget", "MoorageLoadBalancerErrorRatioHigh"),
}


def made() -> Recording:
    return run_program(PAGE.program)[1]


def needed() -> dict[str, str]:
    """What each alarm of the table needs."""
    return {alarm: cells[1] for alarm, cells in PAGE.table("alarm").items()}


def test_every_metric_of_the_gateways_is_in_the_table():
    told = {name: (cells[0].replace("`", ""), cells[1]) for name, cells in PAGE.table("metric").items()}
    assert told == {
        metric.name: (", ".join(metric.dimensions), f"{metric.interval_seconds} s") for metric in GATEWAY_METRICS
    }


def test_every_alarm_is_in_the_table_and_has_its_section_in_the_runbook():
    runbook = Page(ROOT / "docs" / "runbooks" / "aws-alarms.md")
    assert {alarm.lower() for alarm in needed()} | {"mooragespend"} == runbook.anchors - {
        "alarms-on-aws-and-what-to-do"
    }


def test_the_program_has_the_alarms_whose_parts_it_names():
    anchors = {alarm.inputs["alarmDescription"].rpartition("#")[2] for alarm in made().of_type("MetricAlarm")}
    assert anchors == {alarm.lower() for alarm in WITH_A_LOAD_BALANCER}
    parts = {"", "`upstreams`", "`load_balancer`", "`upstreams`, and no `scales_to_zero`"}
    assert {alarm for alarm, need in needed().items() if need in parts} == WITH_A_LOAD_BALANCER


def test_the_program_tells_whom_it_names_and_keeps_to_its_budget():
    recording = made()
    assert recording.the("TopicSubscription").inputs["endpoint"] == "harbour-master@example.com"
    assert recording.the("Budget").inputs["limitAmount"] == "1500.00"
