"""The network that a cluster on Google Cloud lives in."""

from typing import NotRequired, TypedDict

import pulumi
from pulumi_gcp import compute

from moorage.gcp.names import check_name
from moorage.gcp.network_plan import POD_RANGE, SERVICE_RANGE, NetworkSpec, ranges
from moorage.spec.parsing import parse

# A node with an engine keeps few connections to the outside, but images and weights from the internet open many at
# once; the default, 64 ports, suits a machine without them (docs.cloud.google.com/nat/docs/ports-and-addresses).
_MIN_PORTS_PER_VM = 256
_MAX_PORTS_PER_VM = 8192


class GkeNetworkArgs(TypedDict):
    """Where it is. Networks, subnets and routers have no labels on Google Cloud."""

    project: str
    """The project's id."""
    region: str
    """Such as `europe-west4`; it reaches all of its zones."""
    cidr_block: NotRequired[str]
    """From /10 to /18, of private addresses. Default: 10.0.0.0/16, which is room for 256 nodes."""


class GkeNetwork(pulumi.ComponentResource):
    """A VPC with one subnet for a cluster, and a way out for nodes that have no public address.

    Google's own APIs are reached without the internet, the internet through Cloud NAT. Nothing here lets anybody in
    from outside; a regional Gateway finds the subnet that its proxies need.
    """

    network_id: pulumi.Output[str]
    subnetwork_id: pulumi.Output[str]
    """It knows when the way out is there."""
    pod_range: pulumi.Output[str]
    """The name of the subnet's range for pods."""
    service_range: pulumi.Output[str]
    """The name of the subnet's range for services."""
    proxy_range: str
    """From where a regional or internal Gateway's proxies come, as a CIDR block."""

    def __init__(self, name: str, args: GkeNetworkArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Raises `moorage.spec.SpecError` for a network that Google Cloud would refuse."""
        super().__init__("moorage:index:GkeNetwork", name, dict(args), opts)
        check_name(name)
        self._name, self._spec = name, parse(NetworkSpec, args, "")
        self._ranges = ranges(self._spec)
        network = self._create_network()
        subnetwork = self._create_subnetwork(network)
        proxies = self._create_proxy_subnetwork(network)
        nat = self._create_nat(network, subnetwork)
        self.network_id = network.id
        # Until the cluster is gone, its nodes need their way out, and its Gateways their proxies.
        self.subnetwork_id = pulumi.Output.all(subnetwork.id, nat.id, proxies.id).apply(lambda ids: ids[0])
        self.pod_range = pulumi.Output.from_input(POD_RANGE)
        self.service_range = pulumi.Output.from_input(SERVICE_RANGE)
        self.proxy_range = self._ranges.proxies
        self.register_outputs(
            {
                "network_id": self.network_id,
                "subnetwork_id": self.subnetwork_id,
                "pod_range": self.pod_range,
                "service_range": self.service_range,
                "proxy_range": self.proxy_range,
            }
        )

    def _child(self) -> pulumi.ResourceOptions:
        return pulumi.ResourceOptions(parent=self)

    def _create_network(self) -> compute.Network:
        return compute.Network(
            f"{self._name}-network",
            project=self._spec.project,
            auto_create_subnetworks=False,
            routing_mode="REGIONAL",
            opts=self._child(),
        )

    def _create_subnetwork(self, network: compute.Network) -> compute.Subnetwork:
        return compute.Subnetwork(
            f"{self._name}-subnet",
            project=self._spec.project,
            region=self._spec.region,
            network=network.id,
            ip_cidr_range=self._ranges.nodes,
            secondary_ip_ranges=[
                {"range_name": POD_RANGE, "ip_cidr_range": self._ranges.pods},
                {"range_name": SERVICE_RANGE, "ip_cidr_range": self._ranges.services},
            ],
            private_ip_google_access=True,
            # Half of the flows, summed up over ten minutes, are a fraction of the price of all of them at once.
            log_config={
                "aggregation_interval": "INTERVAL_10_MIN",
                "flow_sampling": 0.5,
                "metadata": "INCLUDE_ALL_METADATA",
            },
            opts=self._child(),
        )

    def _create_proxy_subnetwork(self, network: compute.Network) -> compute.Subnetwork:
        return compute.Subnetwork(
            f"{self._name}-proxies",
            project=self._spec.project,
            region=self._spec.region,
            network=network.id,
            ip_cidr_range=self._ranges.proxies,
            purpose="REGIONAL_MANAGED_PROXY",
            role="ACTIVE",
            opts=self._child(),
        )

    def _create_nat(self, network: compute.Network, subnetwork: compute.Subnetwork) -> compute.RouterNat:
        router = compute.Router(
            f"{self._name}-router",
            project=self._spec.project,
            region=self._spec.region,
            network=network.id,
            opts=self._child(),
        )
        return compute.RouterNat(
            f"{self._name}-nat",
            project=self._spec.project,
            region=self._spec.region,
            router=router.name,
            nat_ip_allocate_option="AUTO_ONLY",
            source_subnetwork_ip_ranges_to_nat="LIST_OF_SUBNETWORKS",
            subnetworks=[{"name": subnetwork.id, "source_ip_ranges_to_nats": ["ALL_IP_RANGES"]}],
            enable_dynamic_port_allocation=True,
            enable_endpoint_independent_mapping=False,
            min_ports_per_vm=_MIN_PORTS_PER_VM,
            max_ports_per_vm=_MAX_PORTS_PER_VM,
            log_config={"enable": True, "filter": "ERRORS_ONLY"},
            opts=self._child(),
        )
