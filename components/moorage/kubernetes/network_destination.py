"""From an address to the rule that lets pods reach it. Pure."""

import re
from ipaddress import ip_address
from urllib.parse import urlsplit

from moorage.kubernetes.manifest import Manifest
from moorage.spec.errors import Problem, SpecError

NAMESPACE_LABEL = "kubernetes.io/metadata.name"
"""What Kubernetes itself puts on each namespace (kubernetes.io/docs/reference/labels-annotations-taints)."""
LINK_LOCAL = "169.254.0.0/16"
_PORTS = {"http": 80, "https": 443, "redis": 6379, "rediss": 6379}
_SERVICE = re.compile(r"[a-z0-9-]+\.(?P<namespace>[a-z0-9-]+)\.svc(\.cluster\.local)?")


def egress_to(address: str) -> Manifest:
    """As narrow as it can be: an IP address as it is, a Service by its namespace, and any other name by its port alone,
    because a NetworkPolicy knows no names.

    Policies are held against the port of the pod, not of its Service: both have to be the same.

    Raises:
        SpecError: it is no address in a network. The message does not show it: there may be a password in it.
    """
    try:
        url = urlsplit(address)
        host, port = url.hostname, url.port or _PORTS.get(url.scheme)
    except ValueError:
        raise _not_allowed() from None
    if url.scheme not in _PORTS or not host or port is None:
        raise _not_allowed()
    return {"to": [_peer(host)], "ports": [tcp(port)]}


def _not_allowed() -> SpecError:
    schemes = ", ".join(f"{scheme}://" for scheme in _PORTS)
    return SpecError([Problem("gateway_destinations", f": must be host or host:port after one of {schemes}")])


def tcp(port: int) -> Manifest:
    return {"protocol": "TCP", "port": port}


def in_namespace(name: str) -> Manifest:
    return {"namespaceSelector": {"matchLabels": {NAMESPACE_LABEL: name}}}


def namespace_of_service(host: str) -> str | None:
    """None where `host` is no Service's full name."""
    found = _SERVICE.fullmatch(host)
    return found["namespace"] if found else None


def one_address(address: str) -> Manifest:
    return {"ipBlock": {"cidr": f"{address}/{128 if ':' in address else 32}"}}


def _peer(host: str) -> Manifest:
    if _is_ip_address(host):
        return one_address(host)
    if namespace := namespace_of_service(host):
        return in_namespace(namespace)
    if "." not in host:
        return {"podSelector": {}}
    return {"ipBlock": {"cidr": "0.0.0.0/0", "except": [LINK_LOCAL]}}


def _is_ip_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
