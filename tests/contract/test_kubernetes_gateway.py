"""What `KubernetesGateway` puts into the cluster: its configuration as the gateway reads it, and the way to it."""

import base64
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from moorage.kubernetes.gateway import KubernetesGateway
from moorage.spec import SpecError
from moorage_serving.gateway.config.file import load_config
from moorage_serving.gateway.config.source import ConfigFile

from .examples import ENGINE_SERVICE, component
from .recording import Recording, Secret, run_program, value_of

GENERATED_KEY = "moorage-gateway-key-plaintext"
REDIS_URL = "rediss://:password@cache.harbour.svc:6379/0"


def made(**changes: object) -> tuple[Any, Recording]:
    return run_program(component(KubernetesGateway, "gateway", **changes))


def files(recording: Recording) -> dict[str, str]:
    return recording.the("ConfigMap").inputs["data"]


def environment(recording: Recording) -> dict[str, str]:
    content = recording.the("Secret").inputs["stringData"]
    assert isinstance(content, Secret)
    assert isinstance(content.value, dict)
    return content.value


def pod(recording: Recording) -> dict[str, Any]:
    return recording.the("Deployment").inputs["spec"]["template"]["spec"]


def names(recording: Recording) -> list[str]:
    return [recording.the(kind).inputs["metadata"]["name"] for kind in ("ConfigMap", "Secret")]


def test_the_gateway_reads_the_document(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    _, recording = made()
    for name, value in environment(recording).items():
        monkeypatch.setenv(name, value)
    (tmp_path / "gateway.json").write_text(files(recording)["gateway.json"])
    config = load_config(ConfigFile(tmp_path / "gateway.json")).config
    assert [upstream.name for upstream in config.upstreams] == ["engine"]
    assert config.redis_url == REDIS_URL
    assert config.keys[0].tenant == "pilots"


def test_the_cluster_knows_the_hash_of_the_key_alone():
    gateway, recording = made()
    assert value_of(gateway.api_key) == Secret(GENERATED_KEY)
    document = json.loads(files(recording)["gateway.json"])
    assert document["keys"][0]["sha256"] == hashlib.sha256(GENERATED_KEY.encode()).hexdigest()
    everything = json.dumps([made.inputs for made in recording.registrations], default=lambda secret: secret.value)
    assert GENERATED_KEY not in everything
    assert base64.b64encode(GENERATED_KEY.encode()).decode() not in everything


def test_without_redis_limits_are_shared_by_as_many_gateways_as_there_may_be():
    _, recording = made(redis_url=..., settings=..., tenant=..., max_replicas=6)
    assert json.loads(files(recording)["gateway.json"])["quotas"] == {"gateway_replicas": 6}


def test_another_configuration_is_another_object_which_the_pods_get():
    (_, before), (_, after) = made(), made(upstreams=[{**ENGINE_SERVICE, "revision": "2"}])
    assert names(before) == names(made()[1])
    assert names(before)[0] != names(after)[0]
    assert names(before)[1] == names(after)[1]
    assert pod(after)["volumes"][0]["configMap"]["name"] == names(after)[0]
    assert pod(after)["containers"][0]["envFrom"] == [{"secretRef": {"name": names(after)[1]}}]


def test_another_password_of_redis_is_another_secret_which_the_pods_get():
    (_, before), (_, after) = made(), made(redis_url=REDIS_URL.replace("password", "other"))
    assert names(before)[0] == names(after)[0]
    assert names(before)[1] != names(after)[1] == pod(after)["containers"][0]["envFrom"][0]["secretRef"]["name"]


def test_redis_and_its_password_are_in_the_secret_alone():
    _, recording = made()
    assert REDIS_URL not in json.dumps([made.inputs for made in recording.registrations[1:]], default=lambda _: "")


def test_an_authority_for_redis_is_trusted_beside_those_of_the_image():
    _, recording = made()
    assert files(recording)["redis-ca.pem"] == "-----BEGIN CERTIFICATE-----"
    variables = {"name": "SSL_CERT_FILE", "value": "/etc/moorage/redis-ca.pem"}
    assert pod(recording)["containers"][0]["env"] == [variables]
    _, without = made(redis_ca_certificate=...)
    assert "env" not in pod(without)["containers"][0]


@pytest.mark.parametrize(
    ("exposure", "address"),
    [
        ({"kind": "cluster"}, "http://gateway.harbour.svc:80/v1"),
        ({"kind": "http-route", "hostname": "llm.example.com", "gateway_name": "g"}, "https://llm.example.com/v1"),
        ({"kind": "load-balancer", "source_ranges": ["10.0.0.0/8"]}, "http://balancer.example.com/v1"),
        (
            {"kind": "load-balancer", "source_ranges": ["10.0.0.0/8"], "port": 443},
            "https://balancer.example.com/v1",
        ),
    ],
)
def test_clients_are_told_where_it_is(exposure: dict[str, Any], address: str):
    gateway, recording = made(exposure=exposure)
    assert value_of(gateway.endpoint_url) == address
    assert bool(recording.of_type("HTTPRoute")) == (exposure["kind"] == "http-route")


def test_a_gateway_of_gke_is_told_how_long_answers_are_and_whom_to_ask_for_health():
    route = {"kind": "http-route", "hostname": "llm.example.com", "gateway_name": "g", "gateway_controller": "gke"}
    _, recording = made(exposure=route)
    backend, health = (recording.the(kind).inputs for kind in ("GCPBackendPolicy", "HealthCheckPolicy"))
    service = recording.the("Service").inputs["metadata"]["name"]
    for policy in (backend, health):
        assert policy["apiVersion"] == "networking.gke.io/v1"
        assert policy["metadata"]["namespace"] == "harbour"
        assert policy["spec"]["targetRef"] == {"group": "", "kind": "Service", "name": service}
    assert backend["spec"]["default"] == {
        "timeoutSec": 86_400,
        "connectionDraining": {"drainingTimeoutSec": pod(recording)["terminationGracePeriodSeconds"]},
    }
    probe = pod(recording)["containers"][0]["readinessProbe"]
    (port,) = pod(recording)["containers"][0]["ports"]
    asked = health["spec"]["default"]
    assert asked["config"] == {
        "type": "HTTP",
        "httpHealthCheck": {"port": port["containerPort"], "requestPath": probe["httpGet"]["path"]},
    }
    assert asked["timeoutSec"] == probe["timeoutSeconds"] <= asked["checkIntervalSec"]
    (rule,) = recording.the("HTTPRoute").inputs["spec"]["rules"]
    assert "timeouts" not in rule


def test_a_gateway_of_others_is_told_nothing_of_googles():
    _, recording = made()
    assert {found.inputs["apiVersion"] for found in recording.of_type("HTTPRoute")} == {"gateway.networking.k8s.io/v1"}
    assert recording.of_type("GCPBackendPolicy") == recording.of_type("HealthCheckPolicy") == []


def test_everything_that_is_wrong_is_said_at_once():
    with pytest.raises(SpecError) as caught:
        made(
            image="serving:latest",
            authentication="none",
            max_replicas=1,
            redis_url=...,
            tenant="nobody",
            exposure={"kind": "load-balancer"},
        )
    assert str(caught.value).splitlines() == [
        'image = "serving:latest": must be an image by its digest: name@sha256: and 64 hexadecimal digits',
        "max_replicas = 1: must be at least min_replicas = 2",
        "settings.cache: needs redis_url",
        "exposure: kind = load-balancer needs source_ranges",
    ]


@pytest.mark.parametrize("kind", ["http-route", "load-balancer"])
def test_who_needs_no_key_is_inside_the_cluster(kind: str):
    exposure = {"kind": kind, "hostname": "llm.example.com", "gateway_name": "g", "source_ranges": ["0.0.0.0/0"]}
    with pytest.raises(SpecError, match="needs authentication = api_keys"):
        made(authentication="none", exposure=exposure)


def test_a_request_log_is_refused_where_it_would_go_with_the_pod():
    log = {"folder": "/var/log/requests", "key_environment_variable": "KEYS", "tenants": ["pilots"]}
    with pytest.raises(SpecError, match=r"settings\.request_log: needs a folder that outlives a pod"):
        made(settings={"tenants": [{"id": "pilots"}], "request_log": log})
