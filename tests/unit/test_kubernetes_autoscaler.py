from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moorage.kubernetes.autoscaler_objects import horizontal_pod_autoscaler, scaled_object
from moorage.kubernetes.autoscaler_queries import demand_query, kv_cache_query, requests_query
from moorage.kubernetes.autoscaler_spec import AutoscalerSpec
from moorage.spec import SpecError
from moorage.spec.parsing import parse

TARGET = {"api_version": "apps/v1", "kind": "Deployment", "name": "engine"}
HOURS = {"timezone": "Europe/Berlin", "start": "0 8 * * 1-5", "end": "0 18 * * 1-5", "min_replicas": 2}


def spec(**changes: Any) -> AutoscalerSpec:
    given = {"model": "harbour", "max_num_seqs": 256, "min_replicas": 1, "max_replicas": 4, **changes}
    return parse(AutoscalerSpec, given, "")


def scaled(gateway_namespace: str | None = "edge", **changes: Any) -> dict[str, Any]:
    made = spec(has_gateway=gateway_namespace is not None, **changes)
    return scaled_object(
        made, TARGET, namespace="models", gateway_namespace=gateway_namespace, prometheus_url="http://prometheus:9090"
    )


def triggers(made: dict[str, Any]) -> dict[str, dict[str, str]]:
    return {trigger["name"]: trigger["metadata"] for trigger in made["triggers"]}


def test_engines_are_scaled_by_what_they_compute_and_have_waiting_and_by_their_memory():
    found = triggers(scaled(gateway_namespace=None))
    assert {name: trigger["threshold"] for name, trigger in found.items()} == {"requests": "128", "kv-cache": "0.7"}


def test_the_gateways_demand_counts_too_and_starts_from_zero():
    found = triggers(scaled(min_replicas=0))["demand"]
    assert found["query"] == 'sum(moorage_gateway_demand_requests{namespace="edge",model="harbour"})'
    assert found["threshold"] == "128"
    assert found["activationThreshold"] == "0"


@pytest.mark.parametrize(("changes", "seconds"), [({}, 1800), ({"idle_seconds": 600}, 600)])
def test_the_last_engine_goes_once_nobody_has_asked_for_so_long(changes: dict[str, Any], seconds: int):
    assert scaled(min_replicas=0, **changes)["cooldownPeriod"] == seconds


def test_no_answer_is_never_taken_for_no_load():
    for made in (scaled(), scaled(gateway_namespace=None)):
        assert {trigger["ignoreNullValues"] for trigger in triggers(made).values()} == {"false"}


def test_no_engine_is_no_load_only_where_a_gateway_tells_of_the_load():
    with_gateway, alone = scaled(), scaled(gateway_namespace=None)
    for name in ("requests", "kv-cache"):
        assert triggers(with_gateway)[name]["query"].endswith(" or vector(0)")
        assert triggers(alone)[name]["query"].startswith("sum(vllm:")
        assert "vector" not in triggers(alone)[name]["query"]
    assert "vector" not in triggers(with_gateway)["demand"]["query"]


@given(st.integers(0, 50))
def test_while_prometheus_is_away_the_replicas_stay(min_replicas: int):
    fallback = scaled(min_replicas=min_replicas, max_replicas=50)["fallback"]
    assert fallback["behavior"] == "currentReplicasIfHigher"
    assert fallback["replicas"] >= max(1, min_replicas)


def test_up_at_once_and_down_after_an_hour_by_one_in_ten_minutes():
    behavior = scaled()["advanced"]["horizontalPodAutoscalerConfig"]["behavior"]
    assert behavior["scaleUp"]["stabilizationWindowSeconds"] == 30
    assert behavior["scaleDown"]["stabilizationWindowSeconds"] == 3600
    assert behavior["scaleDown"]["policies"] == [{"type": "Pods", "value": 1, "periodSeconds": 600}]
    assert (behavior["scaleUp"]["tolerance"], behavior["scaleDown"]["tolerance"]) == ("0.1", "0.5")


@given(st.integers(1, 100_000))
def test_a_replica_is_for_some_request_and_never_for_all_it_could_hold(max_num_seqs: int):
    each = int(triggers(scaled(max_num_seqs=max_num_seqs))["requests"]["threshold"])
    assert 1 <= each <= max(1, 0.5 * max_num_seqs)


def test_business_hours_have_a_floor():
    found = triggers(scaled(business_hours=HOURS))["business-hours"]
    assert found == {
        "timezone": "Europe/Berlin",
        "start": "0 8 * * 1-5",
        "end": "0 18 * * 1-5",
        "desiredReplicas": "2",
    }


def test_a_name_cannot_break_out_of_its_query():
    engines = '{namespace="n",model_name="a\\"} or up{x=\\""}'
    asked = requests_query('a"} or up{x="', "n", zero_without_engines=False)
    assert asked == f"sum(vllm:num_requests_running{engines}) + sum(vllm:num_requests_waiting{engines})"
    assert kv_cache_query('a"} or up{x="', "n", zero_without_engines=False).count(engines) == 4
    assert demand_query("a\\", "n") == 'sum(moorage_gateway_demand_requests{namespace="n",model="a\\\\"})'


def test_kubernetes_own_autoscaler_has_the_same_numbers():
    made = horizontal_pod_autoscaler(spec(controller="hpa"), TARGET)
    found = {metric["pods"]["metric"]["name"]: metric["pods"]["target"]["averageValue"] for metric in made["metrics"]}
    assert found == {
        "vllm:num_requests_waiting": "5",
        "vllm:num_requests_running": "128",
        "vllm:kv_cache_usage_perc": "0.7",
    }
    assert made["behavior"] == scaled()["advanced"]["horizontalPodAutoscalerConfig"]["behavior"]


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"min_replicas": 0}, "min_replicas = 0: must be at least 1, or gateway_namespace must name"),
        ({"min_replicas": 0, "controller": "hpa"}, "min_replicas = 0: must be at least 1 with controller = hpa"),
        ({"min_replicas": 5}, "max_replicas = 4: must be at least min_replicas = 5"),
        ({"business_hours": HOURS, "controller": "hpa"}, "business_hours: needs controller = keda"),
        ({"business_hours": {**HOURS, "min_replicas": 9}}, "min_replicas = 9 must be at most max_replicas = 4"),
        ({"idle_seconds": 600}, "idle_seconds = 600: has no meaning with min_replicas = 1"),
        ({"business_hours": {**HOURS, "start": "8:00"}}, 'business_hours.start = "8:00": must be five fields of cron'),
    ],
)
def test_what_contradicts_itself_is_refused(changes: dict[str, Any], problem: str):
    with pytest.raises(SpecError) as caught:
        spec(**changes)
    assert problem in str(caught.value)
