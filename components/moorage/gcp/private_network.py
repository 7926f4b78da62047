"""Which IPv4 networks are private ones: pure."""

from ipaddress import AddressValueError, IPv4Network, NetmaskValueError

# RFC 1918, and RFC 6598's, which Google's networks take as well (docs.cloud.google.com/vpc/docs/subnets#valid-ranges).
# `ipaddress` itself calls 0.0.0.0/0 private in Python 3.11 (github.com/python/cpython, issue 113171).
_PRIVATE = tuple(IPv4Network(block) for block in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10"))


def private_network(text: str) -> IPv4Network:
    """The network in CIDR notation.

    Raises:
        ValueError: it is none, has bits set outside its mask, or has public addresses.
    """
    try:
        network = IPv4Network(text)
    except (AddressValueError, NetmaskValueError, ValueError) as error:
        raise ValueError(f"must be an IPv4 network, such as 10.0.0.0/16: {error}") from None
    if not any(network.subnet_of(block) for block in _PRIVATE):
        raise ValueError(f"must be within {', '.join(str(block) for block in _PRIVATE)}")
    return network
