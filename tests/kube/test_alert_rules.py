"""Prometheus' own promtool says what each alert does with given series: it fires when it has to, and else never."""

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from moorage.kubernetes.alert_rules import AlertThresholds, alert_rules
from moorage.kubernetes.autoscaler_queries import demand_query, kv_cache_query, requests_query
from moorage.spec import ServiceLevel

ROOT = Path(__file__).parents[2]
RUNBOOK = ROOT / "docs" / "runbooks" / "alerts.md"
GATEWAY = 'namespace="harbour",pod="gateway-1",model="harbour"'
ENGINE = 'namespace="harbour",pod="engine-1",model_name="harbour"'
LATENCY = 'namespace="harbour",pod="gateway-1",gen_ai_request_model="harbour"'
POD = 'namespace="harbour",pod="engine-1"'
SCALER = 'namespace="harbour",horizontalpodautoscaler="keda-hpa-engine"'

AVAILABLE = 'moorage_gateway_upstream_endpoints_available{namespace="harbour",pod="gateway-1",upstream="engine"}'

Series = dict[str, str]

HEALTHY: Series = {
    f'moorage_gateway_requests_total{{{GATEWAY},status="200",outcome="completed"}}': "0+600x90",
    f'moorage_gateway_requests_total{{{GATEWAY},status="429",outcome="rejected"}}': "0+60x90",
    f'moorage_gateway_requests_total{{{GATEWAY},status="503",outcome="overloaded"}}': "0+6x90",
    f"moorage_gateway_demand_requests{{{GATEWAY}}}": "20x90",
    AVAILABLE: "2x90",
    f'gen_ai_server_time_to_first_token_seconds_bucket{{{LATENCY},le="1"}}': "0+600x90",
    f'gen_ai_server_time_to_first_token_seconds_bucket{{{LATENCY},le="+Inf"}}': "0+600x90",
    f"gen_ai_server_time_to_first_token_seconds_count{{{LATENCY}}}": "0+600x90",
    f'gen_ai_server_request_duration_seconds_bucket{{{LATENCY},le="10"}}': "0+600x90",
    f'gen_ai_server_request_duration_seconds_bucket{{{LATENCY},le="+Inf"}}': "0+600x90",
    f"gen_ai_server_request_duration_seconds_count{{{LATENCY}}}": "0+600x90",
    f'moorage_gateway_queue_wait_seconds_bucket{{{GATEWAY},le="1"}}': "0+600x90",
    f'moorage_gateway_queue_wait_seconds_bucket{{{GATEWAY},le="+Inf"}}': "0+600x90",
    f"moorage_gateway_queue_wait_seconds_count{{{GATEWAY}}}": "0+600x90",
    f"vllm:num_requests_running{{{ENGINE}}}": "20x90",
    f"vllm:num_requests_waiting{{{ENGINE}}}": "3x90",
    f"vllm:generation_tokens_total{{{ENGINE}}}": "0+60000x90",
    f"vllm:prompt_tokens_total{{{ENGINE}}}": "0+60000x90",
    f"vllm:kv_cache_usage_perc{{{ENGINE}}}": "0.6x90",
    f'kube_pod_container_resource_requests{{{POD},resource="nvidia_com_gpu"}}': "1x90",
    f"kube_pod_status_unschedulable{{{POD}}}": "0x90",
    f"kube_pod_container_status_restarts_total{{{POD}}}": "1x90",
    # One engine less in ten minutes, for an hour.
    f"kube_horizontalpodautoscaler_status_desired_replicas{{{SCALER}}}": "9x9 8x9 7x9 6x9 5x9 4x9 3x9 2x9 1x9",
    'moorage_gateway_redis_available{namespace="harbour",pod="gateway-1"}': "1x90",
    'moorage_gateway_cache_errors_total{namespace="harbour",pod="gateway-1",operation="store"}': "1x90",
}
NOTHING_AT_ALL = "_x90"
IDLE: Series = {
    **{name: "1000x90" if "+" in values else values for name, values in HEALTHY.items()},
    f"moorage_gateway_demand_requests{{{GATEWAY}}}": "0x90",
    AVAILABLE: "0x90",
    f"vllm:num_requests_running{{{ENGINE}}}": NOTHING_AT_ALL,
    f"vllm:num_requests_waiting{{{ENGINE}}}": NOTHING_AT_ALL,
}
"""Scaled to zero, with counters that stand still: every ratio is 0/0."""
FIRING: dict[str, Series] = {
    "MoorageErrorRatioHigh": {
        f'moorage_gateway_requests_total{{{GATEWAY},status="503",outcome="overloaded"}}': "0+60x90"
    },
    "MoorageErrorRatioCritical": {
        # Streams that broke have status 200.
        f'moorage_gateway_requests_total{{{GATEWAY},status="200",outcome="upstream_failed"}}': "0+300x90"
    },
    "MoorageNoEngineReady": {AVAILABLE: "2x80 0x9"},
    "MoorageColdStartOverBudget": {AVAILABLE: "0x90"},
    "MoorageGatewayMetricsMissing": {f"moorage_gateway_demand_requests{{{GATEWAY}}}": NOTHING_AT_ALL},
    "MoorageEngineMetricsMissing": {f"vllm:num_requests_running{{{ENGINE}}}": NOTHING_AT_ALL},
    "MoorageTimeToFirstTokenHigh": {
        f'gen_ai_server_time_to_first_token_seconds_bucket{{{LATENCY},le="1"}}': "0+580x90",
        f'gen_ai_server_time_to_first_token_seconds_bucket{{{LATENCY},le="20"}}': "0+600x90",
    },
    "MoorageRequestsSlow": {
        f'gen_ai_server_request_duration_seconds_bucket{{{LATENCY},le="10"}}': "0+580x90",
        f'gen_ai_server_request_duration_seconds_bucket{{{LATENCY},le="120"}}': "0+600x90",
    },
    "MoorageQueueTimeHigh": {
        f'moorage_gateway_queue_wait_seconds_bucket{{{GATEWAY},le="1"}}': "0+580x90",
        f'moorage_gateway_queue_wait_seconds_bucket{{{GATEWAY},le="60"}}': "0+600x90",
    },
    "MoorageKvCacheFull": {f"vllm:kv_cache_usage_perc{{{ENGINE}}}": "0.97x90"},
    "MoorageEngineStalled": {
        f"vllm:generation_tokens_total{{{ENGINE}}}": "5000x90",
        f"vllm:prompt_tokens_total{{{ENGINE}}}": "5000x90",
    },
    "MoorageScalingThrash": {
        f"kube_horizontalpodautoscaler_status_desired_replicas{{{SCALER}}}": "1x70 2x2 1x2 2x2 1x2 2x2 1x2 2x2"
    },
    "MoorageNoAcceleratorAvailable": {f"kube_pod_status_unschedulable{{{POD}}}": "1x90"},
    "MoorageEngineRestarts": {f"kube_pod_container_status_restarts_total{{{POD}}}": "1x70 2x4 3x4 4x4 5x4"},
    "MoorageRedisUnavailable": {'moorage_gateway_redis_available{namespace="harbour",pod="gateway-1"}': "0x90"},
    "MoorageCacheFull": {
        'moorage_gateway_cache_errors_total{namespace="harbour",pod="gateway-1",operation="store"}': "0+60x90"
    },
}
"""What of a healthy service has to change for each alert; a minute apart, for an hour and a half."""


def rules(*, scales_to_zero: bool) -> list[dict[str, Any]]:
    return alert_rules(
        namespace="harbour",
        model="harbour",
        service_level=ServiceLevel(),
        thresholds=AlertThresholds(),
        scales_to_zero=scales_to_zero,
        runbook_url="https://example.com/alerts.md",
    )


ALERTS = [rule["alert"] for rule in rules(scales_to_zero=True)]


@pytest.fixture(scope="session")
def promtool() -> str:
    own = ROOT / ".tools" / "promtool"
    found = str(own) if own.exists() else shutil.which("promtool")
    if found is None:
        pytest.fail("promtool is needed, which comes with Prometheus: run `make kubernetes`")
    return found


def judge(
    promtool: str, folder: Path, series: Series, check: dict[str, Any], *, scales_to_zero: bool = True
) -> "subprocess.CompletedProcess[str]":
    group = {"name": "moorage", "rules": rules(scales_to_zero=scales_to_zero)}
    (folder / "rules.yaml").write_text(yaml.safe_dump({"groups": [group]}))
    inputs = [{"series": name, "values": values} for name, values in series.items() if values != NOTHING_AT_ALL]
    test = {"interval": "1m", "input_series": inputs, "promql_expr_test": [check]}
    (folder / "test.yaml").write_text(yaml.safe_dump({"rule_files": ["rules.yaml"], "tests": [test]}))
    return subprocess.run([promtool, "test", "rules", "test.yaml"], cwd=folder, capture_output=True, text=True)


def assert_firing(
    promtool: str, folder: Path, series: Series, alerts: set[str], *, scales_to_zero: bool = True
) -> None:
    """Those and no others, in the 88th minute."""
    expected = [{"labels": f'{{alertname="{alert}"}}', "value": 1} for alert in sorted(alerts)]
    query = 'count by (alertname) (ALERTS{alertstate="firing"})'
    check = {"expr": query, "eval_time": "88m", "exp_samples": expected}
    result = judge(promtool, folder, series, check, scales_to_zero=scales_to_zero)
    assert result.returncode == 0, result.stdout + result.stderr


def test_every_alert_has_a_case():
    assert set(FIRING) == set(ALERTS)


@pytest.mark.parametrize("alert", ALERTS)
def test_it_fires(promtool: str, tmp_path: Path, alert: str):
    also = {"MoorageErrorRatioHigh"} if alert == "MoorageErrorRatioCritical" else set()
    assert_firing(promtool, tmp_path, {**HEALTHY, **FIRING[alert]}, {alert, *also})


def test_a_healthy_service_wakes_nobody(promtool: str, tmp_path: Path):
    assert_firing(promtool, tmp_path, HEALTHY, set())


def test_a_service_at_zero_wakes_nobody(promtool: str, tmp_path: Path):
    assert_firing(promtool, tmp_path, IDLE, set())


def test_a_service_that_is_always_on_is_never_without_an_engine(promtool: str, tmp_path: Path):
    assert_firing(promtool, tmp_path, IDLE, {"MoorageNoEngineReady"}, scales_to_zero=False)
    assert_firing(promtool, tmp_path, HEALTHY, set(), scales_to_zero=False)


def test_an_engine_that_starts_from_zero_is_not_one_that_was_lost(promtool: str, tmp_path: Path):
    demand = f"moorage_gateway_demand_requests{{{GATEWAY}}}"
    assert_firing(promtool, tmp_path, {**IDLE, demand: "0x80 3x9", AVAILABLE: "2x75 0x14"}, set())


def test_one_failure_of_one_request_is_no_outage(promtool: str, tmp_path: Path):
    failure = f'moorage_gateway_requests_total{{{GATEWAY},status="503",outcome="overloaded"}}'
    running = f"vllm:num_requests_running{{{ENGINE}}}"
    quiet = {**IDLE, AVAILABLE: "2x90", running: "0x90", failure: "0x84 1x5"}
    assert_firing(promtool, tmp_path, quiet, set())


@pytest.mark.parametrize("alert", ALERTS)
def test_the_runbook_has_a_section_for_it(alert: str):
    assert f"\n## {alert}\n" in RUNBOOK.read_text()


def test_the_runbook_has_no_section_for_what_there_is_not():
    sections = {line.removeprefix("## ") for line in RUNBOOK.read_text().splitlines() if line.startswith("## ")}
    assert sections == set(ALERTS)


PODS = {
    'vllm:num_requests_running{namespace="harbour",pod="a",model_name="harbour"}': "2x5",
    'vllm:num_requests_running{namespace="harbour",pod="b",model_name="harbour"}': "5x5",
    'vllm:num_requests_running{namespace="idle",pod="i",model_name="harbour"}': "0x5",
    'vllm:num_requests_waiting{namespace="idle",pod="i",model_name="harbour"}': "0x5",
    'vllm:kv_cache_usage_perc{namespace="harbour",pod="a",model_name="harbour"}': "1x5",
    'vllm:kv_cache_usage_perc{namespace="harbour",pod="b",model_name="harbour"}': "0.5x5",
    'vllm:kv_cache_usage_perc{namespace="idle",pod="i",model_name="harbour"}': "0x5",
    'vllm:num_requests_waiting{namespace="harbour",pod="a",model_name="harbour"}': "3x5",
    'vllm:num_requests_waiting{namespace="harbour",pod="b",model_name="harbour"}': "4x5",
    'vllm:num_requests_waiting{namespace="other",pod="c",model_name="harbour"}': "100x5",
    'vllm:num_requests_waiting{namespace="harbour",pod="d",model_name="other"}': "100x5",
    'moorage_gateway_demand_requests{namespace="harbour",pod="g",model="harbour"}': "0x5",
    'moorage_gateway_demand_requests{namespace="harbour",pod="h",model="harbour"}': "0x5",
}


@pytest.mark.parametrize(
    ("query", "value"),
    [
        (requests_query("harbour", "harbour", zero_without_engines=True), 14),
        (requests_query("harbour", "idle", zero_without_engines=False), 0),
        (requests_query("nobody", "harbour", zero_without_engines=True), 0),
        (requests_query("nobody", "harbour", zero_without_engines=False), None),
        (kv_cache_query("harbour", "harbour", zero_without_engines=True), 3),
        (kv_cache_query("harbour", "idle", zero_without_engines=False), 0),
        (kv_cache_query("nobody", "harbour", zero_without_engines=True), 0),
        (kv_cache_query("nobody", "harbour", zero_without_engines=False), None),
        (demand_query("harbour", "harbour"), 0),
        (demand_query("harbour", "elsewhere"), None),
    ],
)
def test_what_the_autoscaler_asks_has_one_answer(promtool: str, tmp_path: Path, query: str, value: float | None):
    samples = [] if value is None else [{"labels": "{}", "value": value}]
    check = {"expr": query, "eval_time": "4m", "exp_samples": samples}
    result = judge(promtool, tmp_path, PODS, check)
    assert result.returncode == 0, result.stdout + result.stderr
