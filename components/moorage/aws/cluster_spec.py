"""What a user may say of a cluster on AWS, validated: pure, but for the day on which it is asked."""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from ipaddress import IPv4Network
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, field_validator

from moorage.aws.cidr import ipv4_network
from moorage.aws.kubernetes_versions import DEFAULT_VERSION, check_version
from moorage.aws.log_retention import RetentionDays
from moorage.aws.region import Region
from moorage.aws.tags import Tags

# botocore 1.43.117, eks: KubernetesNetworkConfigRequest, serviceIpv4Cidr.
_PRIVATE = [IPv4Network(block) for block in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")]
_LARGEST = 12
_SMALLEST = 24
# botocore 1.43.117, eks: ClusterName.
MAX_CLUSTER_NAME_LENGTH = 100
CLUSTER_NAME = re.compile(rf"[0-9A-Za-z][A-Za-z0-9_-]{{0,{MAX_CLUSTER_NAME_LENGTH - 1}}}")
_PRINCIPAL = re.compile(r"arn:[a-z-]+:iam::\d{12}:(role|user)/[\w+=,.@/-]+")


def _supported(version: str) -> str:
    return check_version(version, datetime.now(UTC).date())


class ClusterSpec(BaseModel):
    """The arguments of `EksCluster` that are known before anything is created."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    region: Region
    cluster_name: str | None = None
    version: Annotated[str, AfterValidator(_supported)] = DEFAULT_VERSION
    service_ipv4_cidr: str = "172.20.0.0/16"
    auto_mode: bool = True
    public_access_cidrs: Sequence[str] = ()
    administrators: Mapping[str, str] = {}
    log_retention_days: RetentionDays = 90
    deletion_protection: bool = True
    tags: Tags = {}

    @field_validator("cluster_name")
    @classmethod
    def _known_to_eks(cls, name: str | None) -> str | None:
        if name is not None and not CLUSTER_NAME.fullmatch(name):
            allowed = f"1 to {MAX_CLUSTER_NAME_LENGTH} letters, digits, hyphens and underscores"
            raise ValueError(f"must be {allowed}, the first a letter or a digit")
        return name

    @field_validator("service_ipv4_cidr")
    @classmethod
    def _of_private_addresses(cls, cidr: str) -> str:
        try:
            block = IPv4Network(cidr)
        except ValueError:
            block = None
        if block is None or not any(map(block.subnet_of, _PRIVATE)) or not _LARGEST <= block.prefixlen <= _SMALLEST:
            allowed = f"from /{_LARGEST} to /{_SMALLEST}, of private addresses, such as 172.20.0.0/16"
            raise ValueError(f"must be an IPv4 network {allowed}")
        return cidr

    @field_validator("public_access_cidrs")
    @classmethod
    def _not_everybody(cls, cidrs: Sequence[str]) -> Sequence[str]:
        for cidr in cidrs:
            if ipv4_network(cidr).prefixlen == 0:
                raise ValueError(f"{cidr} is everybody; must be the networks from which the cluster is operated")
        return cidrs

    @field_validator("administrators")
    @classmethod
    def _roles_or_users(cls, administrators: Mapping[str, str]) -> Mapping[str, str]:
        for name, arn in administrators.items():
            if not _PRINCIPAL.fullmatch(arn):
                raise ValueError(f"{name} = {arn}: must be the ARN of an IAM role or user")
        return administrators
