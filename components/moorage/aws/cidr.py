"""Networks of clients, as AWS takes them."""

from ipaddress import IPv4Network


def ipv4_network(cidr: str) -> IPv4Network:
    """Raises `ValueError` for what is none.

    A single address without a length is none either: "use the /32 prefix length" (botocore 1.43.117, ec2: IpRange).
    """
    try:
        network = IPv4Network(cidr)
    except ValueError as error:
        raise ValueError(f"{cidr}: {error}; must be an IPv4 network, such as 203.0.113.0/24") from None
    if "/" not in cidr:
        raise ValueError(f"{cidr}: must be an IPv4 network with its length, such as {cidr}/32 for this address alone")
    return network
