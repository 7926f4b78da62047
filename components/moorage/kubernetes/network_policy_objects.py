"""The NetworkPolicies of one namespace. Pure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import pulumi

from moorage.kubernetes.cache_objects import PORT as CACHE_PORT
from moorage.kubernetes.gateway_objects import PORT as GATEWAY_PORT
from moorage.kubernetes.gateway_spec import Exposure
from moorage.kubernetes.labels import component_selector, object_labels
from moorage.kubernetes.manifest import Manifest
from moorage.kubernetes.network_destination import LINK_LOCAL, egress_to, in_namespace, one_address, tcp
from moorage.kubernetes.network_policy_spec import Clients, NetworkPolicySpec
from moorage.kubernetes.vllm_pod import NODE_ROLE_LABEL
from moorage.kubernetes.vllm_pod import PORT as ENGINE_PORT

_DNS_PORT, _HTTP_PORT, _HTTPS_PORT = 53, 80, 443
_DNS_ADDRESSES = ("169.254.20.10", "169.254.169.254")
"""No pods, so that no selector matches them: NodeLocal DNSCache and Cloud DNS for GKE
(kubernetes.io/docs/tasks/administer-cluster/nodelocaldns; github.com/tektoncd/operator, issue 4000; both read
2026-11-25)."""
_PRIVATE = ("10.0.0.0/8", "100.64.0.0/10", LINK_LOCAL, "172.16.0.0/12", "192.168.0.0/16", "240.0.0.0/4")
"""Where pods, nodes, Services and metadata servers are: RFC 1918, 3927 and 6598, and the class E addresses that pods on
GKE may have."""
_GOOGLE_PROXIES = ("35.191.0.0/16", "130.211.0.0/22")
"""Of balancers that are global, and of all health checks (cloud.google.com/load-balancing/docs/firewall-rules, read
2026-11-25)."""
_IDENTITY: Mapping[str, Sequence[tuple[str, int]]] = {
    # EKS Pod Identity's agent (docs.aws.amazon.com/eks/latest/userguide/pod-id-agent-setup.html, read 2026-11-25).
    "s3": (("169.254.170.23", _HTTP_PORT),),
    # GKE's metadata server: Dataplane V2 judges the address that a pod asks for, other networks the one that it becomes
    # (github.com/gke-labs/kube-agents, pull request 777, read 2026-11-25).
    "gs": (("169.254.169.254", _HTTP_PORT), ("169.254.169.252", 988)),
}
"""Where pods get their identity in a bucket's cloud."""


@dataclass(frozen=True)
class NetworkPolicyObjects:
    """All policies of one namespace."""

    name: str
    namespace: pulumi.Input[str]
    spec: NetworkPolicySpec
    dns_addresses: Sequence[pulumi.Input[str]] = ()
    gateway_destinations: Sequence[pulumi.Input[str]] = ()

    def policies(self) -> dict[str, Manifest]:
        """By what follows the component's name."""
        specs: dict[str, Manifest] = {
            "default-deny": Manifest(podSelector={}, policyTypes=["Ingress", "Egress"]),
            "dns": self._dns(),
            "gateway": self._gateway(),
            "engine": self._engine(),
            "engine-nodes": _engine_nodes(),
            "cache": _policy(_pods("cache"), ingress=[_from([_peer("gateway")], CACHE_PORT)]),
        }
        return {suffix: {"metadata": self._metadata(suffix), "spec": spec} for suffix, spec in specs.items()}

    def _metadata(self, suffix: str) -> Manifest:
        labels = object_labels(name="network-policies", instance=self.name, component="network-policies")
        return {"name": f"{self.name}-{suffix}", "namespace": self.namespace, "labels": labels}

    def _dns(self) -> Manifest:
        """The cache looks nothing up."""
        parts = {"key": "app.kubernetes.io/component", "operator": "In", "values": ["engine", "gateway"]}
        addresses = [*_DNS_ADDRESSES, *self.dns_addresses]
        peers = [in_namespace("kube-system"), *(_when_known(address, one_address) for address in addresses)]
        ports = [{"protocol": protocol, "port": _DNS_PORT} for protocol in ("UDP", "TCP")]
        return _policy({"matchExpressions": [parts]}, egress=[{"to": peers, "ports": ports}])

    def _gateway(self) -> Manifest:
        ingress = [self._from_clients(), _from([in_namespace(self.spec.prometheus_namespace)], GATEWAY_PORT)]
        others = [*self.gateway_destinations, *filter(None, [self.spec.otlp_endpoint])]
        egress = [
            _to([_peer("engine")], ENGINE_PORT),
            _to([_peer("cache")], CACHE_PORT),
            *(_when_known(address, egress_to) for address in others),
        ]
        return _policy(_pods("gateway"), ingress=ingress, egress=egress)

    def _from_clients(self) -> Manifest:
        """What comes from a balancer has its client's address, its own or a node's, as the cloud has it: whom it serves
        is for its `source_ranges` to say."""
        clients, exposure = self.spec.clients, self.spec.exposure
        if clients is None and exposure.kind == "load-balancer":
            return {"ports": [tcp(GATEWAY_PORT)]}
        named = [] if clients is None else _named(clients)
        google = [{"ipBlock": {"cidr": cidr}} for cidr in _GOOGLE_PROXIES if exposure.gateway_controller == "gke"]
        return _from([*named, *google] or [_clients_by_exposure(exposure)], GATEWAY_PORT)

    def _engine(self) -> Manifest:
        ingress = [_from([_peer("gateway"), in_namespace(self.spec.prometheus_namespace)], ENGINE_PORT)]
        return _policy(_pods("engine"), ingress=ingress, egress=self._weights())

    def _weights(self) -> list[Manifest]:
        if not self.spec.fetches_weights:
            return []
        given = self.spec.weights_cidrs
        blocks = [{"cidr": "0.0.0.0/0", "except": list(_PRIVATE)}] if given is None else [{"cidr": of} for of in given]
        identity = [endpoint for scheme in sorted(self.spec.bucket_schemes) for endpoint in _IDENTITY[scheme]]
        return [
            _to([{"ipBlock": block} for block in blocks], _HTTPS_PORT),
            *(_to([{"ipBlock": {"cidr": f"{address}/32"}}], port) for address, port in identity),
        ]


def _named(clients: Clients) -> list[Manifest]:
    return [
        *(in_namespace(name) for name in clients.namespaces),
        *({"ipBlock": {"cidr": cidr}} for cidr in clients.cidrs),
    ]


def _clients_by_exposure(exposure: Exposure) -> Manifest:
    if exposure.kind == "cluster":
        return {"namespaceSelector": {}}
    return {"podSelector": {}} if exposure.gateway_namespace is None else in_namespace(exposure.gateway_namespace)


def _engine_nodes() -> Manifest:
    """The pods of a replica on several nodes agree among each other on the ports that they talk by."""
    pods = {
        "matchLabels": component_selector("engine"),
        "matchExpressions": [{"key": NODE_ROLE_LABEL, "operator": "Exists"}],
    }
    return _policy(pods, ingress=[{"from": [{"podSelector": pods}]}], egress=[{"to": [{"podSelector": pods}]}])


def _policy(
    pods: Manifest,
    *,
    ingress: Sequence[pulumi.Input[Manifest]] = (),
    egress: Sequence[pulumi.Input[Manifest]] = (),
) -> Manifest:
    """Allows nothing where there are no rules."""
    rules = {"ingress": list(ingress), "egress": list(egress)}
    types = [direction.capitalize() for direction, listed in rules.items() if listed]
    return {"podSelector": pods, "policyTypes": types, **{key: listed for key, listed in rules.items() if listed}}


def _pods(component: str) -> Manifest:
    return {"matchLabels": component_selector(component)}


def _peer(component: str) -> Manifest:
    return {"podSelector": _pods(component)}


def _from(peers: Sequence[Manifest], port: int) -> Manifest:
    return {"from": list(peers), "ports": [tcp(port)]}


def _to(peers: Sequence[Manifest], port: int) -> Manifest:
    return {"to": list(peers), "ports": [tcp(port)]}


def _when_known(address: pulumi.Input[str], rule: Callable[[str], Manifest]) -> pulumi.Input[Manifest]:
    """What is known already is refused at once."""
    return rule(address) if isinstance(address, str) else pulumi.Output.from_input(address).apply(rule)
