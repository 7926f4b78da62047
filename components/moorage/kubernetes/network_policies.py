"""Who may talk to whom in a namespace."""

from collections.abc import Sequence
from typing import NotRequired, TypedDict

import pulumi
from pulumi_kubernetes import networking

from moorage.kubernetes.gateway_spec import ExposureArgs
from moorage.kubernetes.network_policy_objects import NetworkPolicyObjects
from moorage.kubernetes.network_policy_spec import ClientsArgs, NetworkPolicySpec
from moorage.spec.arguments import ModelArgs
from moorage.spec.gateway_settings import GatewaySettings
from moorage.spec.parsing import known_of, parse


class NetworkPoliciesArgs(TypedDict):
    """What is in the namespace, and whom it talks to besides itself."""

    namespace: pulumi.Input[str]
    """Of engines, gateways and cache, and of nothing else: whatever is not named here is denied."""
    models: Sequence[ModelArgs]
    """Of the engines: where weights and adapters come from."""
    weights_cidrs: NotRequired[Sequence[str]]
    """From which networks they are fetched, by HTTPS, such as that of a mirror or of a private endpoint. Default: the
    internet, without private networks."""
    exposure: NotRequired[ExposureArgs]
    """Of the gateways. Default: from inside the cluster alone."""
    clients: NotRequired[ClientsArgs]
    """Who opens connections to the gateways. Default: with `cluster` all pods; with `http-route` those of the namespace
    of its Gateway; with `load-balancer` everybody, whom its `source_ranges` let through. Where the Gateway is of GKE's,
    Google's proxies and health checks come on top, and nobody else by default."""
    gateway_settings: NotRequired[GatewaySettings]
    """Of the gateways: where they send traces. Default: nowhere."""
    gateway_destinations: NotRequired[Sequence[pulumi.Input[str]]]
    """What else gateways call, as `http://host:port`, `https://host` or `rediss://host:port`: engines and Redis that
    are elsewhere. A Service's pods have to listen on its own port. Default: nothing."""
    prometheus_namespace: NotRequired[str]
    """From where metrics are read. Default: monitoring."""
    dns_addresses: NotRequired[Sequence[pulumi.Input[str]]]
    """Of resolvers that are neither pods of kube-system nor the usual link-local ones, such as a cluster's DNS Service
    where it is answered on the node. Default: none."""


class NetworkPolicies(pulumi.ComponentResource):
    """Denies all that is not needed: clients reach gateways, gateways reach engines and cache, engines their weights,
    Prometheus the metrics, and both of the former DNS. Nothing of it reaches the Kubernetes API or other namespaces.

    The cluster's network has to enforce NetworkPolicies; else they are only written down.
    """

    policy_names: pulumi.Output[Sequence[str]]
    """In the cluster."""

    def __init__(self, name: str, args: NetworkPoliciesArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Raises `moorage.spec.SpecError` for networks, models or settings that cannot be."""
        super().__init__("moorage:index:NetworkPolicies", name, dict(args), opts)
        objects = NetworkPolicyObjects(
            name,
            args["namespace"],
            parse(NetworkPolicySpec, known_of(NetworkPolicySpec, args), ""),
            args.get("dns_addresses", ()),
            args.get("gateway_destinations", ()),
        )
        made = [
            networking.v1.NetworkPolicy(f"{name}-{suffix}", opts=pulumi.ResourceOptions(parent=self), **manifest)
            for suffix, manifest in objects.policies().items()
        ]
        self.policy_names = pulumi.Output.all(*(policy.metadata.name for policy in made))
        self.register_outputs({"policy_names": self.policy_names})
