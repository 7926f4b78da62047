"""What a load balancer before gateways is asked to be, validated."""

import math
import re
from collections.abc import Mapping, Sequence
from typing import Annotated, cast

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, JsonValue, ValidationInfo, field_validator

from moorage.aws.cidr import ipv4_network
from moorage.aws.domain_name_spec import CertificateArn, CustomDomain, DomainName, HostedZoneId, check_requestable
from moorage.aws.region import Region, region_of
from moorage.aws.tags import Tags
from moorage.kubernetes.gateway_process_spec import grace_seconds_of
from moorage.spec.errors import Problem, SpecError
from moorage.spec.gateway_contract import contract
from moorage.spec.gateway_settings import GatewaySettings, ParsedGatewaySettings
from moorage.spec.service_level import ServiceLevel

GATEWAY_PORT = 8000
HEALTH_PATH = "/health"
"""By which a target is healthy: whether the gateway serves, not whether it finds an engine (`/ready`). ECS replaces
tasks whose targets are unhealthy (docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs_services.html, read
2026-11-25): while engines load, which takes up to an hour, or fail, it would replace every gateway again and again, and
cut the answers of those that still work. A gateway without an engine answers 503 by itself, or lets the request wait.
"""
API_PATHS = ("/v1", "/v1/*")
"""What clients reach: metrics and probes, which name tenants and engines, are nobody's outside."""
KEEP_ALIVE_MARGIN_SECONDS = 15
"""Gateways keep idle connections for so much longer than the balancer, which else sends a request into one that is
being closed, and answers 502 (docs.aws.amazon.com/elasticloadbalancing/latest/application/
load-balancer-troubleshooting.html, read 2026-11-25)."""

HTTPS, HTTP = 443, 80
# docs.aws.amazon.com/elasticloadbalancing/latest/application/application-load-balancers.html and
# load-balancer-target-groups.html (read 2026-11-25)
LEAST_IDLE_SECONDS = 60
"""AWS's own default: CloudFront and proxies keep idle connections for as long as they expect of it."""
MOST_IDLE_SECONDS = 4_000
MOST_DEREGISTRATION_SECONDS = 3_600


_WEB_ACL_ARN = re.compile(r"arn:[a-z-]+:wafv2:[a-z0-9-]+:\d{12}:regional/webacl/.+")


def _a_web_acl_of_a_region(arn: str) -> str:
    if not _WEB_ACL_ARN.fullmatch(arn):
        allowed = "must be the ARN of a web ACL of AWS WAF for a region, arn:aws:wafv2:REGION:ACCOUNT:regional/webacl/…"
        raise ValueError(allowed)
    return arn


class ExposureSpec(BaseModel):
    """Who reaches the gateways, and how."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    public: bool = False
    hostname: DomainName | None = None
    hosted_zone_id: HostedZoneId | None = None
    certificate_arn: CertificateArn | None = Field(default=None, validate_default=True)
    client_cidrs: Sequence[str] | None = Field(default=None, min_length=1, validate_default=True)
    web_acl_arn: Annotated[str, AfterValidator(_a_web_acl_of_a_region)] | None = None
    managed_web_acl: bool = False

    @field_validator("hosted_zone_id")
    @classmethod
    def _has_the_hostname(cls, zone_id: str | None, info: ValidationInfo) -> str | None:
        if zone_id is not None and info.data.get("hostname", "") is None:
            raise ValueError("needs hostname, which gets a record in it")
        return zone_id

    @field_validator("certificate_arn")
    @classmethod
    def _is_of_the_hostname(cls, arn: str | None, info: ValidationInfo) -> str | None:
        hostname, zone_id = info.data.get("hostname", ""), info.data.get("hosted_zone_id", "")
        if arn is None and zone_id is None and info.data.get("public"):
            raise ValueError(
                "is missing; public gateways need it or hosted_zone_id, and hostname: keys would be read on the way"
            )
        if arn is not None and hostname is None:
            raise ValueError("needs hostname, which the certificate is of")
        if arn is None and zone_id and hostname:
            check_requestable(hostname)
        return arn

    @field_validator("client_cidrs")
    @classmethod
    def _named(cls, cidrs: Sequence[str] | None, info: ValidationInfo) -> Sequence[str] | None:
        if cidrs is None and info.data.get("public"):
            raise ValueError("is missing; public gateways need the networks of their clients, 0.0.0.0/0 for all")
        for cidr in cidrs or ():
            ipv4_network(cidr)
        return cidrs

    @field_validator("managed_web_acl")
    @classmethod
    def _only_one(cls, managed: bool, info: ValidationInfo) -> bool:
        if managed and info.data.get("web_acl_arn") is not None:
            raise ValueError("must be false where web_acl_arn names another one")
        return managed

    @property
    def domain(self) -> CustomDomain | None:
        """The hostname with its certificate, given or requested; None without TLS."""
        if self.hostname is None or (self.certificate_arn is None and self.hosted_zone_id is None):
            return None
        return CustomDomain(
            domain_name=self.hostname, hosted_zone_id=self.hosted_zone_id, certificate_arn=self.certificate_arn
        )

    @property
    def port(self) -> int:
        """That clients call."""
        return HTTP if self.domain is None else HTTPS


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
    def _names_what_is_in_its_region(cls, exposure: ExposureSpec, info: ValidationInfo) -> ExposureSpec:
        region = info.data.get("region")
        named = {"certificate_arn": exposure.certificate_arn, "web_acl_arn": exposure.web_acl_arn}
        problems = [
            Problem(key, f" = {arn}: must be in {region}, where the balancer is")
            for key, arn in named.items()
            if arn is not None and region is not None and region_of(arn) != region
        ]
        if problems:
            raise SpecError(problems)
        return exposure

    @field_validator("settings")
    @classmethod
    def _never_silent_for_too_long(cls, settings: GatewaySettings) -> GatewaySettings:
        silence = idle_timeout_of(settings)
        if silence > MOST_IDLE_SECONDS:
            message = (
                f": an answer may be silent for {silence} seconds, and a load balancer of AWS waits for "
                f"at most {MOST_IDLE_SECONDS}; make max_deadline_seconds, timeouts.first_byte_seconds or "
                "timeouts.idle_seconds shorter"
            )
            raise SpecError([Problem("admission", message)])
        return settings

    @field_validator("service_level")
    @classmethod
    def _drains_in_time(cls, service_level: ServiceLevel) -> ServiceLevel:
        too_many = grace_seconds_of(service_level) - MOST_DEREGISTRATION_SECONDS
        if too_many > 0:
            p99_seconds = service_level.p99_request_seconds
            message = (
                f" = {p99_seconds:g}: a load balancer of AWS lets go of a gateway after at most "
                f"{MOST_DEREGISTRATION_SECONDS} seconds; must be at most {p99_seconds - too_many:g}"
            )
            raise SpecError([Problem("p99_request_seconds", message)])
        return service_level

    @property
    def idle_timeout_seconds(self) -> int:
        """As `idle_timeout_of`."""
        return idle_timeout_of(self.settings)

    @property
    def deregistration_delay_seconds(self) -> int:
        """How long a gateway that is to end keeps its open requests, before ECS so much as tells it to."""
        return grace_seconds_of(self.service_level)


def idle_timeout_of(settings: GatewaySettings) -> int:
    """Above the longest silence of an answer: its wait, then the engine's until it begins; or the engine's in it.

    A gateway that waits for an engine to start sends comments, but to streams alone.
    """
    waiting = _seconds(settings, "admission", "max_deadline_seconds")
    before = waiting + _seconds(settings, "timeouts", "first_byte_seconds")
    silence = math.ceil(max(before, _seconds(settings, "timeouts", "idle_seconds"))) + 1
    return max(LEAST_IDLE_SECONDS, silence)


def _seconds(settings: GatewaySettings, group: str, key: str) -> float:
    """As the user has set it, or by default."""
    default = contract()["properties"][group]["default"][key]
    return cast("float", cast("Mapping[str, JsonValue]", settings.get(group) or {}).get(key, default))
