"""np-guard's analyzer says of the rendered NetworkPolicies which connections they allow: those that are needed, and no
others."""

import itertools
from pathlib import Path
from typing import Any

import pytest

from moorage.kubernetes.cache import KubernetesValkey
from moorage.kubernetes.gateway import KubernetesGateway
from moorage.kubernetes.network_policies import NetworkPolicies
from moorage.kubernetes.vllm import VllmDeployment
from tests.contract.examples import EXAMPLES, component

from .cluster import Document
from .connections import Connection, allowed_connections
from .engines import rendered
from .object_sets import object_sets

GATEWAY, ENGINE, CACHE = (f"moorage/{name}[Deployment]" for name in ("gateway", "engine", "cache"))
PROMETHEUS = "monitoring/[all pods]"
ALL_PODS = "entire-cluster"
DNS = "TCP 53,UDP 53"
INTERNET = (
    "0.0.0.0-9.255.255.255",
    "11.0.0.0-100.63.255.255",
    "100.128.0.0-169.253.255.255",
    "169.255.0.0-172.15.255.255",
    "172.32.0.0-192.167.255.255",
    "192.169.0.0-239.255.255.255",
)
"""All but private and link-local networks."""


def one(address: str) -> str:
    return f"{address}-{address}"


INSIDE = {(GATEWAY, ENGINE, "TCP 8000"), (GATEWAY, CACHE, "TCP 6379"), (PROMETHEUS, ENGINE, "TCP 8000")}
LOOKED_UP = {
    (source, target, DNS)
    for source in (GATEWAY, ENGINE)
    for target in ("kube-system/[all pods]", one("169.254.20.10"), one("169.254.169.254"))
}
FETCHED = {(ENGINE, network, "TCP 443") for network in INTERNET}
FROM_ALL_PODS = {(ALL_PODS, GATEWAY, "TCP 8000")}
"""Prometheus is one of them."""
EVERYWHERE = {*INSIDE, *LOOKED_UP, *FETCHED, *FROM_ALL_PODS}
POD_IDENTITY = {(ENGINE, one("169.254.170.23"), "TCP 80")}
DNS_OF_EKS = {(source, one("172.20.0.10"), DNS) for source in (GATEWAY, ENGINE)}
FAILOVER_ADDED = {
    (GATEWAY, "0.0.0.0-9.255.255.255", "TCP 443"),
    (GATEWAY, "10.0.0.0-10.255.255.255", "TCP 443"),
    (GATEWAY, "100.128.0.0-169.253.255.255", "TCP 443"),
    (GATEWAY, "100.64.0.0-100.127.255.255", "TCP 443"),
    (GATEWAY, "11.0.0.0-100.63.255.255", "TCP 443"),
    (GATEWAY, "169.254.170.23-169.254.170.23", "TCP 80"),
    (GATEWAY, "169.255.0.0-172.15.255.255", "TCP 443"),
    (GATEWAY, "172.16.0.0-172.20.0.9", "TCP 443"),
    (GATEWAY, "172.20.0.10-172.20.0.10", "TCP 53,443,UDP 53"),
    (GATEWAY, "172.20.0.11-172.31.255.255", "TCP 443"),
    (GATEWAY, "172.32.0.0-192.167.255.255", "TCP 443"),
    (GATEWAY, "192.168.0.0-192.168.255.255", "TCP 443"),
    (GATEWAY, "192.169.0.0-239.255.255.255", "TCP 443"),
    (GATEWAY, "240.0.0.0-255.255.255.255", "TCP 443"),
}
"""HTTPS to all but link-local addresses, for nobody knows SageMaker's, and Pod Identity's agent."""
FAILOVER_CHANGED = {
    (GATEWAY, "172.20.0.10-172.20.0.10", "TCP 53,UDP 53"),
}
"""What is one connection with those."""
ENGINE_TO_METADATA = one("169.254.169.254")
METADATA_SERVER = {(ENGINE, one("169.254.169.252"), "TCP 988"), (ENGINE, ENGINE_TO_METADATA, "TCP 53,80,UDP 53")}

STACKS: dict[str, set[Connection]] = {
    "kubernetes-always-on": EVERYWHERE,
    "kubernetes-serverless": EVERYWHERE,
    "aws-always-on": EVERYWHERE | POD_IDENTITY | DNS_OF_EKS,
    "aws-failover": (EVERYWHERE | POD_IDENTITY | DNS_OF_EKS | FAILOVER_ADDED) - FAILOVER_CHANGED,
    "gcp-always-on": EVERYWHERE - {(ENGINE, ENGINE_TO_METADATA, DNS)} | METADATA_SERVER,
}
every_stack = pytest.mark.parametrize("name", STACKS)


def stack(name: str) -> list[Document]:
    return object_sets()[f"stack {name}"]()


@every_stack
def test_a_stack_talks_to_whom_it_needs_and_to_nobody_else(name: str, tmp_path: Path):
    assert allowed_connections(stack(name), tmp_path) == STACKS[name]


def test_every_stack_is_looked_at():
    assert {f"stack {name}" for name in STACKS} == {name for name in object_sets() if name.startswith("stack ")}


@every_stack
def test_each_policy_is_missed(name: str, tmp_path: Path):
    """That between the nodes of one engine is for none of these stacks."""
    documents = stack(name)
    policies = {found["metadata"]["name"] for found in documents if found["kind"] == "NetworkPolicy"}
    without = {policy: [found for found in documents if found["metadata"]["name"] != policy] for policy in policies}
    missed = {policy for policy in policies if allowed_connections(without[policy], tmp_path) != STACKS[name]}
    assert policies - missed == {"network-policies-engine-nodes"}


def around(nodes: int = 1, **changes: object) -> list[Document]:
    """Engine, gateway and cache, with policies as `changes` say; the model is in the engine's image."""
    engine = {"pipeline_parallel_size": nodes, "autoscaled": False, "max_surge": ...}
    policies = {**dict.fromkeys(EXAMPLES[NetworkPolicies], ...), "models": [{"source": "/models/harbour"}], **changes}

    def program() -> None:
        component(VllmDeployment, "engine", **{**engine, "namespace": "moorage"})()
        component(KubernetesGateway, "gateway", namespace="moorage")()
        component(KubernetesValkey, "cache", namespace="moorage")()
        component(NetworkPolicies, "policies", **{**policies, "namespace": "moorage"})()

    return rendered(program)


def test_an_engine_with_its_model_in_the_image_reaches_nothing(tmp_path: Path):
    assert allowed_connections(around(), tmp_path) == INSIDE | LOOKED_UP | FROM_ALL_PODS


OTHER_NODE = (
    "moorage/[pod with {app.kubernetes.io/component=engine,app.kubernetes.io/part-of=moorage,"
    "{Key:moorage.dev/node-role,Operator:Exists,Values:[],}}]"
)
"""One more pod of the kind that the policies name, as the analyzer imagines it."""
HTTP_ROUTE = {"kind": "http-route", "hostname": "llm.example.com", "gateway_name": "public"}
GOOGLE_GATEWAY = {**HTTP_ROUTE, "gateway_controller": "gke"}
GOOGLE_PROXIES = {"35.191.0.0-35.191.255.255", "130.211.0.0-130.211.3.255"}
LOAD_BALANCER = {"kind": "load-balancer", "source_ranges": ["10.0.0.0/8"]}


@pytest.mark.parametrize(
    ("changes", "clients"),
    [
        ({"exposure": {**HTTP_ROUTE, "gateway_namespace": "gateways"}}, {"gateways/[all pods]", PROMETHEUS}),
        ({"exposure": HTTP_ROUTE}, {"moorage/[all pods]", OTHER_NODE, PROMETHEUS}),
        ({"exposure": GOOGLE_GATEWAY}, {*GOOGLE_PROXIES, PROMETHEUS}),
        (
            {"exposure": GOOGLE_GATEWAY, "clients": {"cidrs": ["10.0.64.0/23"]}},
            {*GOOGLE_PROXIES, "10.0.64.0-10.0.65.255", PROMETHEUS},
        ),
        ({"exposure": LOAD_BALANCER}, {ALL_PODS, "0.0.0.0-255.255.255.255"}),
        (
            {"exposure": LOAD_BALANCER, "clients": {"cidrs": ["10.0.0.0/8"]}},
            {"10.0.0.0-10.255.255.255", PROMETHEUS},
        ),
        ({"clients": {"namespaces": ["apps", "web"]}}, {"apps/[all pods]", "web/[all pods]", PROMETHEUS}),
        ({"clients": {"namespaces": ["apps"]}, "prometheus_namespace": "apps"}, {"apps/[all pods]"}),
    ],
)
def test_who_reaches_the_gateways(changes: dict[str, Any], clients: set[str], tmp_path: Path):
    allowed = allowed_connections(around(**changes), tmp_path)
    assert {(source, by) for source, target, by in allowed if target == GATEWAY} == {
        (client, "TCP 8000") for client in clients
    }


def test_gateways_reach_what_their_settings_and_arguments_name(tmp_path: Path):
    changed = around(
        gateway_settings={"telemetry": {"otlp_endpoint": "http://collector.tracing.svc:4318"}},
        gateway_destinations=["redis://10.1.2.3", "https://203.0.113.7"],
    )
    more = allowed_connections(changed, tmp_path) - allowed_connections(around(), tmp_path)
    assert more == {
        (GATEWAY, "tracing/[all pods]", "TCP 4318"),
        (GATEWAY, one("10.1.2.3"), "TCP 6379"),
        (GATEWAY, one("203.0.113.7"), "TCP 443"),
    }


def test_the_nodes_of_an_engine_reach_each_other_by_every_port_and_nobody_else_does(tmp_path: Path):
    allowed = allowed_connections(around(nodes=2), tmp_path)
    nodes = {ENGINE, "moorage/engine-1[Deployment]", OTHER_NODE}
    unlimited = {(source, target) for source, target, by in allowed if by == "All Connections"}
    assert unlimited == set(itertools.permutations(nodes, 2))
