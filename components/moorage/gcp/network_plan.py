"""How a network's addresses are shared out: pure."""

from ipaddress import IPv4Network
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict, field_validator

from moorage.gcp.private_network import private_network
from moorage.gcp.project import Project, Region

POD_RANGE = "pods"
SERVICE_RANGE = "services"
MAX_PODS_PER_NODE = 64
"""An engine's node runs one or two pods of ours and about fifteen of Google's; 110, the default, takes twice the
addresses."""

# GKE gives a node twice as many addresses as it may have pods, so that names of new pods are free at once: a /25 for 64
# (docs.cloud.google.com/kubernetes-engine/docs/how-to/flexible-pod-cidr).
_NODE_POD_PREFIX = 25
_LARGEST_PREFIX = 10
_SMALLEST_PREFIX = 18
# The upper half is the pods'; of the lower one, nodes, services and proxies have an eighth each.
_POD_PREFIX_BITS = 1
_OTHER_PREFIX_BITS = 4
# docs.cloud.google.com/load-balancing/docs/proxy-only-subnets (read 2026-11-25): /26 at least; this is its example's.
_PROXY_PREFIX = 23


class NetworkSpec(BaseModel):
    """The arguments of `GkeNetwork`, validated."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    project: Project
    region: Region
    cidr_block: str = "10.0.0.0/16"

    @field_validator("cidr_block")
    @classmethod
    def _private_block(cls, cidr_block: str) -> str:
        if not _LARGEST_PREFIX <= private_network(cidr_block).prefixlen <= _SMALLEST_PREFIX:
            raise ValueError(f"must be from /{_LARGEST_PREFIX} to /{_SMALLEST_PREFIX}")
        return cidr_block


class Ranges(NamedTuple):
    """The parts of a network, none of which overlaps another."""

    nodes: str
    pods: str
    services: str
    proxies: str

    @property
    def max_nodes(self) -> int:
        """As many as have a range of pods."""
        return 2 ** (_NODE_POD_PREFIX - IPv4Network(self.pods).prefixlen)


def ranges(spec: NetworkSpec) -> Ranges:
    block = IPv4Network(spec.cidr_block)
    _, pods = block.subnets(_POD_PREFIX_BITS)
    nodes, services, proxies, *_ = block.subnets(_OTHER_PREFIX_BITS)
    first_proxies = next(proxies.subnets(new_prefix=max(_PROXY_PREFIX, proxies.prefixlen)))
    return Ranges(str(nodes), str(pods), str(services), str(first_proxies))
