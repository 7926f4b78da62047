from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.kubernetes_pods import assert_restricted

from moorage.engine.budgets import drain_budget
from moorage.kubernetes.gateway_objects import GatewayObjects, GatewayPodParts
from moorage.kubernetes.gateway_process_spec import PROPAGATION_SECONDS
from moorage.kubernetes.gateway_spec import GatewaySpec
from moorage.spec import ServiceLevel

IMAGE = "registry.example.com/moorage-serving@sha256:" + "0123456789abcdef" * 4
PARTS = GatewayPodParts(configuration="gateway-configuration")
ROUTE = {"kind": "http-route", "hostname": "llm.example.com", "gateway_name": "public"}


def objects(**changes: Any) -> GatewayObjects:
    spec = GatewaySpec.model_validate({"image": IMAGE, "authentication": "api_keys", **changes})
    return GatewayObjects("gateway", "harbour", spec)


def pod(parts: GatewayPodParts = PARTS, **changes: Any) -> dict[str, Any]:
    return objects(**changes).deployment(parts)["spec"]["template"]["spec"]


def arguments(pod: dict[str, Any]) -> dict[str, str]:
    flat = pod["containers"][0]["args"]
    return dict(zip(flat[::2], flat[1::2], strict=True))


def test_its_pods_are_restricted():
    assert_restricted(pod())


@given(st.floats(0.5, 3600))
def test_it_outlives_the_engine_that_it_reads_from(p99_request_seconds: float):
    level = ServiceLevel(p99_request_seconds=p99_request_seconds)
    made = pod(service_level=level)
    engine = drain_budget(p99_request_seconds, PROPAGATION_SECONDS)
    assert made["terminationGracePeriodSeconds"] > engine.grace_seconds
    budget = float(arguments(made)["--propagation-seconds"]) + float(arguments(made)["--drain-seconds"])
    assert budget < made["terminationGracePeriodSeconds"]
    assert float(arguments(made)["--drain-seconds"]) >= engine.shutdown_timeout_seconds


def test_the_default_grace_is_90_seconds():
    assert pod()["terminationGracePeriodSeconds"] == 90


@pytest.mark.parametrize(("cpu", "workers", "memory"), [(0.5, 1, "256Mi"), (1, 1, "256Mi"), (3.5, 3, "832Mi")])
def test_there_is_one_process_for_each_whole_cpu(cpu: float, workers: int, memory: str):
    made = pod(cpu=float(cpu))
    assert arguments(made)["--workers"] == str(workers)
    assert made["containers"][0]["resources"]["requests"] == {"cpu": f"{round(cpu * 1000)}m", "memory": memory}


def test_other_wordings_need_more_memory():
    made = pod(has_redis=True, settings={"cache": {"semantic": {}}})
    assert made["containers"][0]["resources"]["limits"] == {"memory": "384Mi"}


def test_its_port_is_what_the_service_and_the_probes_mean():
    (container,) = pod()["containers"]
    assert container["ports"] == [{"name": "http", "containerPort": 8000, "protocol": "TCP"}]
    assert arguments(pod())["--port"] == "8000"
    assert [port["targetPort"] for port in objects().service()["spec"]["ports"]] == ["http"]
    paths = {name: container[f"{name}Probe"]["httpGet"]["path"] for name in ("startup", "liveness", "readiness")}
    assert paths == {"startup": "/health", "liveness": "/health", "readiness": "/ready"}


def test_every_selector_finds_its_pods():
    made = objects()
    labels = made.deployment(PARTS)["spec"]["template"]["metadata"]["labels"]
    selectors = [
        made.deployment(PARTS)["spec"]["selector"]["matchLabels"],
        made.service()["spec"]["selector"],
        made.disruption_budget()["spec"]["selector"]["matchLabels"],
        *(spread["labelSelector"]["matchLabels"] for spread in pod()["topologySpreadConstraints"]),
    ]
    for selector in selectors:
        assert selector.items() <= labels.items()
        assert selector["app.kubernetes.io/instance"] == "gateway"


def test_how_many_there_are_is_the_autoscalers_to_say():
    made = objects(min_replicas=3, max_replicas=7)
    assert "replicas" not in made.deployment(PARTS)["spec"]
    scaled = made.autoscaler()["spec"]
    assert (scaled["minReplicas"], scaled["maxReplicas"]) == (3, 7)
    assert scaled["scaleTargetRef"]["name"] == made.deployment(PARTS)["metadata"]["name"]


def test_a_rollout_and_a_drain_take_one_pod_at_a_time():
    made = objects()
    assert made.deployment(PARTS)["spec"]["strategy"]["rollingUpdate"] == {"maxSurge": 1, "maxUnavailable": 0}
    assert made.disruption_budget()["spec"]["maxUnavailable"] == 1


def test_through_a_route_come_only_requests_and_as_long_as_they_like():
    (rule,) = objects(exposure=ROUTE).http_route()["spec"]["rules"]
    assert rule["matches"] == [{"path": {"type": "PathPrefix", "value": "/v1"}}]
    assert rule["timeouts"] == {"request": "0s"}
    assert rule["backendRefs"] == [{"kind": "Service", "name": "gateway", "port": 80}]


def test_a_route_may_belong_to_a_gateway_of_another_namespace():
    (own,) = objects(exposure=ROUTE).http_route()["spec"]["parentRefs"]
    (other,) = objects(exposure={**ROUTE, "gateway_namespace": "edge"}).http_route()["spec"]["parentRefs"]
    assert (own["namespace"], other["namespace"]) == ("harbour", "edge")


def test_a_balancer_lets_in_whom_it_is_told():
    exposure = {"kind": "load-balancer", "source_ranges": ["10.0.0.0/8"], "annotations": {"internal": "true"}}
    service = objects(exposure=exposure).service()
    assert service["spec"]["type"] == "LoadBalancer"
    assert service["spec"]["loadBalancerSourceRanges"] == ["10.0.0.0/8"]
    assert service["metadata"]["annotations"] == {"internal": "true"}


def test_other_gateways_are_inside_the_cluster_alone():
    assert objects().service()["spec"]["type"] == "ClusterIP"


def test_a_pod_may_have_a_clouds_identity_without_kubernetes_own_token():
    made = pod(GatewayPodParts("configuration", service_account_name="invoker"))
    assert made["serviceAccountName"] == "invoker"
    assert made["automountServiceAccountToken"] is False
