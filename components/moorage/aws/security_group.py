"""Who may talk to whom inside a network: security groups that name each other."""

from collections.abc import Mapping
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import NotRequired, TypedDict

import pulumi
from pulumi_aws import ec2, vpc
from pydantic import BaseModel, ConfigDict

from moorage.aws.names import check_name
from moorage.aws.tags import Tags, named
from moorage.spec.parsing import parse

_HTTPS = 443


class WorkloadSecurityGroupArgs(TypedDict):
    """Whose it is."""

    vpc_id: pulumi.Input[str]
    """Where the workload is."""
    tags: NotRequired[Mapping[str, str]]
    """On every resource. Default: none."""


class WorkloadSecurityGroup(pulumi.ComponentResource):
    """Of the tasks of one workload: lets nobody in, and out to HTTPS alone, which the services of AWS speak.

    What else it reaches, and who reaches it, further rules say, each by the other's group. It is made before what it
    talks to, which lets it in by its id.
    """

    security_group_id: pulumi.Output[str]

    def __init__(self, name: str, args: WorkloadSecurityGroupArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Raises `moorage.spec.SpecError` for a name or tags that AWS would refuse."""
        super().__init__("moorage:index:WorkloadSecurityGroup", name, dict(args), opts)
        check_name(name)
        tags = parse(_GroupSpec, {key: value for key, value in args.items() if key != "vpc_id"}, "").tags
        child = pulumi.ResourceOptions(parent=self)
        group = create_group(
            f"{name}-group",
            https_name=f"{name}-https",
            vpc_id=args["vpc_id"],
            description=f"Moorage {name}",
            https_description="Services of AWS, and what else speaks HTTPS",
            tags=tags,
            opts=child,
        )
        self.security_group_id = group.id
        self.register_outputs({"security_group_id": self.security_group_id})


class _GroupSpec(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    tags: Tags = {}


def create_group(
    name: str,
    *,
    https_name: str,
    vpc_id: pulumi.Input[str],
    description: str,
    https_description: str,
    tags: Mapping[str, str],
    opts: pulumi.ResourceOptions,
) -> ec2.SecurityGroup:
    """Lets nobody in, and out to HTTPS alone."""
    group = ec2.SecurityGroup(name, vpc_id=vpc_id, description=description, tags=named(name, tags), opts=opts)
    vpc.SecurityGroupEgressRule(
        https_name,
        security_group_id=group.id,
        description=https_description,
        ip_protocol="tcp",
        from_port=_HTTPS,
        to_port=_HTTPS,
        cidr_ipv4="0.0.0.0/0",
        tags=named(https_name, tags),
        opts=opts,
    )
    return group


def let_in(
    name: str,
    *,
    server: pulumi.Input[str],
    client: pulumi.Input[str],
    port: int,
    description: str,
    tags: Mapping[str, str],
    opts: pulumi.ResourceOptions,
) -> None:
    """Members of the group `client` may open connections to `port` of the group `server`'s."""
    vpc.SecurityGroupIngressRule(
        f"{name}-in",
        security_group_id=server,
        description=description,
        ip_protocol="tcp",
        from_port=port,
        to_port=port,
        referenced_security_group_id=client,
        tags=named(f"{name}-in", tags),
        opts=opts,
    )
    let_out(name, client=client, server=server, port=port, description=description, tags=tags, opts=opts)


def let_out(
    name: str,
    *,
    client: pulumi.Input[str],
    server: pulumi.Input[str],
    port: int,
    description: str,
    tags: Mapping[str, str],
    opts: pulumi.ResourceOptions,
) -> None:
    """The client's half alone, where the server lets it in by itself."""
    vpc.SecurityGroupEgressRule(
        f"{name}-out",
        security_group_id=client,
        description=description,
        ip_protocol="tcp",
        from_port=port,
        to_port=port,
        referenced_security_group_id=server,
        tags=named(f"{name}-out", tags),
        opts=opts,
    )


def let_out_to_host(
    name: str,
    *,
    client: pulumi.Input[str],
    host: str,
    port: int,
    description: str,
    tags: Mapping[str, str],
    opts: pulumi.ResourceOptions,
) -> None:
    """To an IP address alone; to a name by its port, because a security group knows no names."""
    address = _ip_address(host)
    vpc.SecurityGroupEgressRule(
        name,
        security_group_id=client,
        description=description,
        ip_protocol="tcp",
        from_port=port,
        to_port=port,
        cidr_ipv4="0.0.0.0/0" if address is None else f"{address}/32" if address.version == 4 else None,
        cidr_ipv6=None if address is None or address.version == 4 else f"{address}/128",
        tags=named(name, tags),
        opts=opts,
    )


def _ip_address(host: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None
