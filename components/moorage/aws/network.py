"""The network that a stack on AWS lives in."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, NotRequired, TypedDict

import pulumi
from pulumi_aws import ec2, vpc

from moorage.aws.flow_log import create_flow_log
from moorage.aws.names import check_name
from moorage.aws.network_plan import GATEWAY_ENDPOINTS, NetworkSpec, Zone, zones
from moorage.aws.tags import named
from moorage.spec.parsing import parse

# docs.aws.amazon.com/eks/latest/userguide/tag-subnets-auto.html (read 2026-11-25): by these a load balancer finds its
# subnets. Nodes get theirs by their ids.
DISCOVERY_TAGS = {
    "public": {"kubernetes.io/role/elb": "1"},
    "private": {"kubernetes.io/role/internal-elb": "1"},
}
_HTTPS = 443


class AwsNetworkArgs(TypedDict):
    """Where it is, and what of it costs money while nothing runs."""

    region: str
    """Such as `eu-central-1`."""
    availability_zones: Sequence[str]
    """At least two of the region's, by name, such as `eu-central-1a`. One more later moves none of the others, but a
    cluster stays in those in which it was created."""
    cidr_block: NotRequired[str]
    """From /16 to /20, of private addresses. Default: 10.0.0.0/16, with 4,096 addresses for each zone's pods."""
    nat_gateways: NotRequired[str]
    """`one`, or `per-zone`: what leaves a zone does not depend on another one. Default: one."""
    interface_endpoints: NotRequired[Sequence[str]]
    """Services that are reached without the NAT gateway, by AWS's own names, such as `ecr.api`, `ecr.dkr`, `logs`,
    `sts`, `secretsmanager` and `sagemaker.runtime`. Each costs its price in each zone, also while nothing runs. S3,
    where ECR keeps its layers, and DynamoDB always are, free of charge. Default: none."""
    flow_log_retention_days: NotRequired[int]
    """How long it is known who talked to whom. Default: 30."""
    tags: NotRequired[Mapping[str, str]]
    """On every resource. Default: none."""


class AwsNetwork(pulumi.ComponentResource):
    """A VPC with a private and a public subnet in each zone.

    Nodes and the cluster's endpoint have private subnets; public ones hold NAT gateways and such load balancers as a
    user asks for. Nothing here lets anybody in from outside.
    """

    vpc_id: pulumi.Output[str]
    vpc_cidr_block: pulumi.Output[str]
    account_id: pulumi.Output[str]
    """Whose it is."""
    private_subnet_ids: pulumi.Output[Sequence[str]]
    """One per zone, in the order of the zones' names. They know when their way out is there."""
    public_subnet_ids: pulumi.Output[Sequence[str]]
    """In the same order."""
    nat_addresses: pulumi.Output[Sequence[str]]
    """As which the private subnets are seen outside."""

    def __init__(self, name: str, args: AwsNetworkArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Raises `moorage.spec.SpecError` for a network that AWS would refuse."""
        super().__init__("moorage:index:AwsNetwork", name, dict(args), opts)
        check_name(name)
        self._name, self._spec = name, parse(NetworkSpec, args, "")
        self._vpc = self._create_vpc()
        self._nat_addresses: list[ec2.Eip] = []
        public = {zone: self._create_subnet(zone, "public") for zone in zones(self._spec)}
        private = {zone: self._create_subnet(zone, "private") for zone in zones(self._spec)}
        ways_out = self._create_ways_out(public, private)
        self._create_endpoints(private, ways_out)
        create_flow_log(f"{name}-flow-log", self._vpc, self._spec, self._child())
        self.vpc_id, self.vpc_cidr_block, self.account_id = self._vpc.id, self._vpc.cidr_block, self._vpc.owner_id
        self.private_subnet_ids = _ids(private.values(), after=ways_out)
        self.public_subnet_ids = _ids(public.values())
        self.nat_addresses = pulumi.Output.all(*(address.public_ip for address in self._nat_addresses))
        self.register_outputs(
            {
                "vpc_id": self.vpc_id,
                "vpc_cidr_block": self.vpc_cidr_block,
                "account_id": self.account_id,
                "private_subnet_ids": self.private_subnet_ids,
                "public_subnet_ids": self.public_subnet_ids,
                "nat_addresses": self.nat_addresses,
            }
        )

    def _create_vpc(self) -> ec2.Vpc:
        name = f"{self._name}-vpc"
        network = ec2.Vpc(
            name,
            cidr_block=self._spec.cidr_block,
            enable_dns_support=True,
            # Of the cluster's private endpoint, and of the interface endpoints.
            enable_dns_hostnames=True,
            tags=self._tags(name),
            opts=self._child(),
        )
        # What is put into no security group gets this one, which lets nothing in or out.
        default = f"{self._name}-default-security-group"
        ec2.DefaultSecurityGroup(default, vpc_id=network.id, tags=self._tags(default), opts=self._child())
        return network

    def _create_subnet(self, zone: Zone, kind: Literal["private", "public"]) -> ec2.Subnet:
        name = f"{self._name}-{kind}-{zone.letter}"
        return ec2.Subnet(
            name,
            vpc_id=self._vpc.id,
            availability_zone=zone.name,
            cidr_block=zone.private_cidr_block if kind == "private" else zone.public_cidr_block,
            map_public_ip_on_launch=False,
            tags=self._tags(name) | DISCOVERY_TAGS[kind],
            opts=self._child(),
        )

    def _create_ways_out(
        self, public: Mapping[Zone, ec2.Subnet], private: Mapping[Zone, ec2.Subnet]
    ) -> list[ec2.RouteTableAssociation]:
        internet = ec2.InternetGateway(
            f"{self._name}-internet-gateway",
            vpc_id=self._vpc.id,
            tags=self._tags(f"{self._name}-internet-gateway"),
            opts=self._child(),
        )
        outside = [
            self._create_way_out(f"public-{zone.letter}", subnet, {"gateway_id": internet.id})
            for zone, subnet in public.items()
        ]
        shared = self._spec.nat_gateways == "one"
        with_gateway = list(public.items())[:1] if shared else list(public.items())
        gateways = {zone: self._create_nat_gateway(zone, subnet, outside) for zone, subnet in with_gateway}
        [first, *_] = gateways.values()
        return [
            self._create_way_out(
                f"private-{zone.letter}", subnet, {"nat_gateway_id": (first if shared else gateways[zone]).id}
            )
            for zone, subnet in private.items()
        ]

    def _create_way_out(
        self, suffix: str, subnet: ec2.Subnet, target: Mapping[str, pulumi.Output[str]]
    ) -> ec2.RouteTableAssociation:
        """A subnet's route to everywhere, which is there once its association is."""
        name = f"{self._name}-{suffix}"
        table = ec2.RouteTable(
            f"{name}-routes", vpc_id=self._vpc.id, tags=self._tags(f"{name}-routes"), opts=self._child()
        )
        route = ec2.Route(
            f"{name}-way-out",
            route_table_id=table.id,
            destination_cidr_block="0.0.0.0/0",
            gateway_id=target.get("gateway_id"),
            nat_gateway_id=target.get("nat_gateway_id"),
            opts=self._child(),
        )
        return ec2.RouteTableAssociation(
            f"{name}-association", subnet_id=subnet.id, route_table_id=table.id, opts=self._child(route)
        )

    def _create_nat_gateway(self, zone: Zone, subnet: ec2.Subnet, after: Sequence[pulumi.Resource]) -> ec2.NatGateway:
        name = f"{self._name}-nat-{zone.letter}"
        address = ec2.Eip(f"{name}-address", domain="vpc", tags=self._tags(f"{name}-address"), opts=self._child(*after))
        self._nat_addresses.append(address)
        return ec2.NatGateway(
            name,
            allocation_id=address.allocation_id,
            subnet_id=subnet.id,
            tags=self._tags(name),
            opts=self._child(*after),
        )

    def _create_endpoints(
        self, private: Mapping[Zone, ec2.Subnet], ways_out: Sequence[ec2.RouteTableAssociation]
    ) -> None:
        for service in GATEWAY_ENDPOINTS:
            name = f"{self._name}-{service}-endpoint"
            ec2.VpcEndpoint(
                name,
                vpc_id=self._vpc.id,
                service_name=f"com.amazonaws.{self._spec.region}.{service}",
                vpc_endpoint_type="Gateway",
                route_table_ids=[association.route_table_id for association in ways_out],
                tags=self._tags(name),
                opts=self._child(),
            )
        if not self._spec.interface_endpoints:
            return
        security_group = self._create_endpoint_security_group()
        for service in self._spec.interface_endpoints:
            name = f"{self._name}-{service.replace('.', '-')}-endpoint"
            ec2.VpcEndpoint(
                name,
                vpc_id=self._vpc.id,
                service_name=f"com.amazonaws.{self._spec.region}.{service}",
                vpc_endpoint_type="Interface",
                private_dns_enabled=True,
                subnet_ids=[subnet.id for subnet in private.values()],
                security_group_ids=[security_group.id],
                tags=self._tags(name),
                opts=self._child(),
            )

    def _create_endpoint_security_group(self) -> ec2.SecurityGroup:
        name = f"{self._name}-endpoints"
        group = ec2.SecurityGroup(
            name,
            vpc_id=self._vpc.id,
            description="The endpoints of AWS services, from inside the VPC",
            tags=self._tags(name),
            opts=self._child(),
        )
        vpc.SecurityGroupIngressRule(
            f"{name}-https",
            security_group_id=group.id,
            description="HTTPS from inside the VPC",
            ip_protocol="tcp",
            from_port=_HTTPS,
            to_port=_HTTPS,
            cidr_ipv4=self._vpc.cidr_block,
            tags=self._tags(f"{name}-https"),
            opts=self._child(),
        )
        return group

    def _tags(self, name: str) -> dict[str, str]:
        return named(name, self._spec.tags)

    def _child(self, *after: pulumi.Resource) -> pulumi.ResourceOptions:
        return pulumi.ResourceOptions(parent=self, depends_on=list(after))


def _ids(subnets: Iterable[ec2.Subnet], after: Sequence[pulumi.CustomResource] = ()) -> pulumi.Output[Sequence[str]]:
    """With a dependency on `after` too, so that who uses the subnets comes after it and goes before it."""
    return pulumi.Output.all([subnet.id for subnet in subnets], [resource.id for resource in after]).apply(
        lambda ids: ids[0]
    )
