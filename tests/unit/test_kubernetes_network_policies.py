from typing import Any

import pytest

from moorage.kubernetes.cache_objects import CacheObjects
from moorage.kubernetes.cache_spec import CacheSpec
from moorage.kubernetes.gateway_objects import GatewayObjects
from moorage.kubernetes.gateway_spec import GatewaySpec
from moorage.kubernetes.labels import component_selector
from moorage.kubernetes.network_destination import egress_to
from moorage.kubernetes.network_policy_objects import NetworkPolicyObjects
from moorage.kubernetes.network_policy_spec import NetworkPolicySpec
from moorage.kubernetes.vllm_pod import engine_labels
from moorage.spec import SpecError
from moorage.spec.parsing import parse

IMAGE = "registry.example.com/any@sha256:" + "0123456789abcdef" * 4
ANY_PUBLIC = {"ipBlock": {"cidr": "0.0.0.0/0", "except": ["169.254.0.0/16"]}}


def policies(**changes: Any) -> dict[str, Any]:
    given = {"models": [{"source": "hf://harbour/pilot"}], **changes}
    made = NetworkPolicyObjects("policies", "harbour", parse(NetworkPolicySpec, given, "")).policies()
    return {suffix: manifest["spec"] for suffix, manifest in made.items()}


def namespace(name: str) -> dict[str, Any]:
    return {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": name}}}


@pytest.mark.parametrize(
    ("address", "peer", "port"),
    [
        ("http://engine.pilots.svc:8000", namespace("pilots"), 8000),
        ("https://collector.tracing.svc.cluster.local", namespace("tracing"), 443),
        ("http://collector:4318", {"podSelector": {}}, 4318),
        ("http://10.1.2.3:8000", {"ipBlock": {"cidr": "10.1.2.3/32"}}, 8000),
        ("https://[2001:db8::1]", {"ipBlock": {"cidr": "2001:db8::1/128"}}, 443),
        ("rediss://:password@redis.example.com/0", ANY_PUBLIC, 6379),
        ("https://svc.example.com", ANY_PUBLIC, 443),
    ],
)
def test_an_address_becomes_a_rule_as_narrow_as_it_can_be(address: str, peer: dict[str, Any], port: int):
    assert egress_to(address) == {"to": [peer], "ports": [{"protocol": "TCP", "port": port}]}


@pytest.mark.parametrize("address", ["unix:///run/redis.sock", "engine:8000", "https://", "redis://:secret@host:port"])
def test_what_is_no_address_is_refused_without_showing_it(address: str):
    with pytest.raises(SpecError, match="gateway_destinations: must be host") as refused:
        egress_to(address)
    assert "secret" not in str(refused.value)


def test_a_wrong_destination_is_refused_before_anything_is_made():
    spec = parse(NetworkPolicySpec, {"models": [{"source": "hf://harbour/pilot"}]}, "")
    with pytest.raises(SpecError, match="gateway_destinations"):
        NetworkPolicyObjects("policies", "harbour", spec, gateway_destinations=["localhost:8000"]).policies()


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"weights_cidrs": ["10.0.0.1/8"]}, 'weights_cidrs.0 = "10.0.0.1/8": must be a network like 10.0.0.0/8'),
        ({"clients": {"cidrs": ["office"]}}, 'clients.cidrs.0 = "office": must be a network like 10.0.0.0/8'),
        ({"clients": {}}, "clients: must have namespaces or cidrs"),
        ({"models": []}, "models"),
        ({"models": [{"source": "ftp://harbour/pilot"}]}, "models.0.source"),
    ],
)
def test_what_cannot_be_is_refused_with_its_key(changes: dict[str, Any], problem: str):
    with pytest.raises(SpecError) as refused:
        policies(**changes)
    assert problem in str(refused.value)


def test_the_pods_of_each_part_are_found_by_what_selects_them():
    gateway = GatewayObjects("gateway", "harbour", parse(GatewaySpec, {"image": IMAGE, "authentication": "none"}, ""))
    cache = CacheObjects("cache", "harbour", parse(CacheSpec, {"image": IMAGE}, ""))
    labels = {
        "gateway": gateway.metadata()["labels"],
        "engine": engine_labels("engine"),
        "cache": cache.stateful_set("secret")["spec"]["template"]["metadata"]["labels"],
    }
    for part, found in labels.items():
        assert component_selector(part).items() <= found.items()
        assert policies()[part]["podSelector"] == {"matchLabels": component_selector(part)}


def test_adapters_are_fetched_too():
    adapters = {"source": "/models/harbour", "lora_adapters": {"pilot": "s3://harbour/pilot"}}
    internet, identity = policies(models=[adapters])["engine"]["egress"]
    assert internet["ports"] == [{"protocol": "TCP", "port": 443}]
    assert identity["to"] == [{"ipBlock": {"cidr": "169.254.170.23/32"}}]


def test_weights_may_come_from_a_private_network():
    (mirror,) = policies(weights_cidrs=["10.20.0.0/24"])["engine"]["egress"]
    assert mirror["to"] == [{"ipBlock": {"cidr": "10.20.0.0/24"}}]


def test_the_cache_calls_nobody():
    assert policies()["cache"]["policyTypes"] == ["Ingress"]
    assert policies()["default-deny"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
