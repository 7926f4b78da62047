"""How a network's addresses are shared out: pure."""

import string
from collections.abc import Sequence
from ipaddress import IPv4Network
from typing import Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, ValidationInfo, field_validator

from moorage.aws.log_retention import RetentionDays
from moorage.aws.region import Region
from moorage.aws.tags import Tags

# /16 is the largest VPC (docs.aws.amazon.com/sdkfornet, CreateVpcRequest, read 2026-11-25). In one below
# /20 a load balancer finds no room in a public subnet of ours: it wants a /27 with eight free addresses
# (docs.aws.amazon.com/elasticloadbalancing/latest/application/application-load-balancers.html, read 2026-11-25).
_LARGEST_PREFIX = 16
_SMALLEST_PREFIX = 20
# Eight private subnets of a sixteenth each, then eight public ones of a hundred-and-twenty-eighth, one per letter of a
# zone: a further zone moves no subnet of another.
_ZONE_LETTERS = string.ascii_lowercase[:8]
_PRIVATE_PREFIX_BITS = 4
_PUBLIC_PREFIX_BITS = 7
_FIRST_PUBLIC = 64
# docs.aws.amazon.com/vpc/latest/privatelink/aws-services-privatelink-support.html (read 2026-11-25): those of the
# services that a stack's workloads call.
INTERFACE_ENDPOINTS = (
    *("ecr.api", "ecr.dkr", "kms", "logs", "monitoring", "sagemaker.runtime", "secretsmanager", "sqs", "ssm"),
    *("ecs", "ecs-agent", "ecs-telemetry", "sts"),
)
# Free of charge (docs.aws.amazon.com/prescriptive-guidance/latest/aws-startup-security-baseline/wkld-12.html, read
# 2026-11-26): for weights and the layers of images, and for the table of jobs that are done.
GATEWAY_ENDPOINTS = ("s3", "dynamodb")
# docs.aws.amazon.com/eks/latest/userguide/network-reqs.html (read 2026-11-25): the control plane has an interface in at
# least two zones.
_MIN_ZONES = 2


class NetworkSpec(BaseModel):
    """The arguments of `AwsNetwork`, validated."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    region: Region
    availability_zones: Sequence[str]
    cidr_block: str = "10.0.0.0/16"
    nat_gateways: Literal["one", "per-zone"] = "one"
    interface_endpoints: Sequence[str] = ()
    flow_log_retention_days: RetentionDays = 30
    tags: Tags = {}

    @field_validator("availability_zones")
    @classmethod
    def _of_the_region(cls, names: Sequence[str], info: ValidationInfo) -> Sequence[str]:
        region = info.data.get("region")
        if region is not None and not set(names) <= {f"{region}{letter}" for letter in _ZONE_LETTERS}:
            raise ValueError(f"must be zones of {region}, such as {region}a")
        if len(names) < _MIN_ZONES or len(set(names)) < len(names):
            raise ValueError(f"must be at least {_MIN_ZONES} zones, each once")
        return names

    @field_validator("interface_endpoints")
    @classmethod
    def _known(cls, services: Sequence[str]) -> Sequence[str]:
        if not set(services) <= set(INTERFACE_ENDPOINTS) or len(set(services)) < len(services):
            raise ValueError(f"must be out of {', '.join(INTERFACE_ENDPOINTS)}, each once")
        return services

    @field_validator("cidr_block")
    @classmethod
    def _of_private_addresses(cls, cidr_block: str) -> str:
        try:
            block = IPv4Network(cidr_block)
        except ValueError:
            block = None
        if block is None or not block.is_private or not _LARGEST_PREFIX <= block.prefixlen <= _SMALLEST_PREFIX:
            allowed = f"from /{_LARGEST_PREFIX} to /{_SMALLEST_PREFIX}, of private addresses, such as 10.0.0.0/16"
            raise ValueError(f"must be an IPv4 network {allowed}")
        return cidr_block


class Zone(NamedTuple):
    """One availability zone's part of the network."""

    name: str
    letter: str
    """The last of its name, unlike any other zone's."""
    private_cidr_block: str
    public_cidr_block: str


def zones(spec: NetworkSpec) -> list[Zone]:
    """In the order of their names."""
    block = IPv4Network(spec.cidr_block)
    private = list(block.subnets(_PRIVATE_PREFIX_BITS))
    public = list(block.subnets(_PUBLIC_PREFIX_BITS))[_FIRST_PUBLIC:]
    return [
        Zone(name, name[-1], str(private[slot]), str(public[slot]))
        for name in sorted(spec.availability_zones)
        for slot in [_ZONE_LETTERS.index(name[-1])]
    ]
