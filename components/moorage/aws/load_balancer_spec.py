"""What a load balancer before gateways is asked to be, validated."""

import math
import re
from collections.abc import Mapping, Sequence
from ipaddress import IPv4Network
from typing import cast

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationInfo, field_validator

from moorage.aws.region import Region
from moorage.aws.tags import Tags
from moorage.kubernetes.gateway_process_spec import grace_seconds_of
from moorage.spec.gateway_contract import contract
from moorage.spec.gateway_settings import GatewaySettings, ParsedGatewaySettings
from moorage.spec.service_level import ServiceLevel

GATEWAY_PORT = 8000
READINESS_PATH = "/ready"
"""Where a gateway says that it may be sent requests."""

HTTPS, HTTP = 443, 80
# docs.aws.amazon.com/elasticloadbalancing/latest/application/application-load-balancers.html and
# load-balancer-target-groups.html (read 2026-11-25)
MOST_IDLE_SECONDS = 4_000
MOST_DEREGISTRATION_SECONDS = 3_600
_CERTIFICATE = re.compile(r"arn:[a-z-]+:acm:[a-z0-9-]+:\d{12}:certificate/[\w-]+")
_HOSTNAME = re.compile(r"([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,}")


class ExposureSpec(BaseModel):
    """Who reaches the gateways, and how."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    public: bool = False
    hostname: str | None = None
    certificate_arn: str | None = None
    client_cidrs: Sequence[str] | None = Field(default=None, min_length=1, validate_default=True)
    web_acl_arn: str | None = Field(default=None, min_length=1)

    @field_validator("hostname")
    @classmethod
    def _is_a_name(cls, hostname: str | None) -> str | None:
        if hostname is not None and not _HOSTNAME.fullmatch(hostname):
            raise ValueError("must be a host's name in lowercase, such as llm.example.com")
        return hostname

    @field_validator("certificate_arn")
    @classmethod
    def _is_of_the_hostname(cls, arn: str | None, info: ValidationInfo) -> str | None:
        if arn is not None and not _CERTIFICATE.fullmatch(arn):
            raise ValueError("must be the ARN of a certificate of ACM")
        if arn is not None and info.data.get("hostname") is None:
            raise ValueError("needs hostname, which the certificate is of")
        return arn

    @field_validator("client_cidrs")
    @classmethod
    def _named(cls, cidrs: Sequence[str] | None, info: ValidationInfo) -> Sequence[str] | None:
        if cidrs is None and info.data.get("public"):
            raise ValueError("is missing; public gateways need the networks of their clients, 0.0.0.0/0 for all")
        for cidr in cidrs or ():
            try:
                IPv4Network(cidr)
            except ValueError as error:
                raise ValueError(f"{cidr}: {error}; must be an IPv4 network, such as 203.0.113.0/24") from None
        return cidrs

    @property
    def port(self) -> int:
        """That clients call."""
        return HTTPS if self.certificate_arn is not None else HTTP


class LoadBalancerSpec(BaseModel):
    """What `StreamLoadBalancerArgs` say that is known before anything is created."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    region: Region
    exposure: ExposureSpec = ExposureSpec()
    settings: ParsedGatewaySettings = Field(default_factory=dict)
    service_level: ServiceLevel = ServiceLevel()
    deletion_protection: bool = True
    tags: Tags = Field(default_factory=dict)

    @field_validator("exposure")
    @classmethod
    def _encrypted(cls, exposure: ExposureSpec) -> ExposureSpec:
        if exposure.public and exposure.certificate_arn is None:
            raise ValueError("public = true needs certificate_arn and hostname: keys would be read on the way")
        return exposure

    @property
    def idle_timeout_seconds(self) -> int:
        """The longest silence of an answer: its wait, then the engine's until it begins."""
        longest = _seconds(self.settings, "admission", "max_deadline_seconds") + _seconds(
            self.settings, "timeouts", "first_byte_seconds"
        )
        return min(MOST_IDLE_SECONDS, math.ceil(longest) + 1)

    @property
    def deregistration_delay_seconds(self) -> int:
        """How long a gateway that ends keeps its open requests."""
        return min(MOST_DEREGISTRATION_SECONDS, grace_seconds_of(self.service_level))


def _seconds(settings: GatewaySettings, group: str, key: str) -> float:
    """As the user has set it, or by default."""
    default = contract()["properties"][group]["default"][key]
    return cast("float", cast("Mapping[str, JsonValue]", settings.get(group) or {}).get(key, default))
