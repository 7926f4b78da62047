"""The keys of a stack's configuration that are about CloudFront before its gateways."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pydantic import BaseModel, Field

from moorage.aws.account import partition_of
from moorage.aws.domain_name_spec import is_never_public
from moorage.aws.edge_spec import EDGE_REGION, PUBLIC_AUTHORITY, EdgeDomain, EdgeWebAclArn
from moorage.aws.load_balancer_spec import ExposureSpec
from moorage.spec import Problem
from moorage.spec.numbers import WholeNumber
from strict import STRICT

if TYPE_CHECKING:
    from configuration import GatewaySettings


class EdgeSettings(BaseModel):
    """CloudFront before the gateways' balancer, which then has no address of the internet."""

    model_config = STRICT

    enabled: bool = Field(description="Whether it answers. It is switched off before it is deleted.")
    custom_domain: EdgeDomain | None = Field(
        default=None,
        description="`domain_name` that clients call, and `certificate_arn` of its certificate in us-east-1, "
        "or `hosted_zone_id` of the zone for its records and those of a new one. Default: CloudFront's own name.",
    )
    signing_secret_version: WholeNumber = Field(
        default=1,
        ge=1,
        description="Counted up, keys are signed with a new secret; those of the one before are let in until the next "
        "time. Default: 1.",
    )
    web_acl_arn: EdgeWebAclArn | None = Field(default=None, description="Of AWS WAF, for CloudFront. Default: none.")


def contradictions(
    edge: EdgeSettings, region: str, balancer: ExposureSpec, gateway: "GatewaySettings"
) -> Iterator[Problem]:
    """What a stack with an edge may not say besides."""
    if partition_of(region) != partition_of(EDGE_REGION):
        # docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/private-content-vpc-origins.html (a copy, read
        # 2026-11-25): "commercial AWS Regions".
        yield Problem("edge", f": CloudFront reaches no network in aws.region = {region}; must be left out")
    if balancer.hostname is not None and is_never_public(balancer.hostname):
        yield Problem(
            "load_balancer.hostname", f" = {balancer.hostname}: must be one of public DNS, {PUBLIC_AUTHORITY}"
        )
    if edge.custom_domain is not None and edge.custom_domain.domain_name == balancer.hostname:
        yield Problem(
            "edge.custom_domain.domain_name",
            f" = {balancer.hostname}: must be another one than load_balancer.hostname, which leads past CloudFront",
        )
    if balancer.public:
        yield Problem("load_balancer.public", " = true: must be false with edge, which else would be gone around")
    if balancer.managed_web_acl:
        # docs.aws.amazon.com/waf/latest/developerguide/waf-rule-statement-type-rate-based-aggregation-options.html
        # (read 2026-11-26): what comes through a proxy has the proxy's address, and one address has one rate.
        message = " = true: must be false with edge, by whose addresses all clients come; edge.web_acl_arn sees theirs"
        yield Problem("load_balancer.managed_web_acl", message)
    if balancer.domain is None:
        yield Problem(
            "load_balancer.certificate_arn",
            ": is missing; CloudFront speaks TLS with the balancer, for its hostname; must be given, or hosted_zone_id",
        )
    if gateway.authentication == "none":
        yield Problem("gateway.authentication", " = none: must be api_keys with edge, which lets in signed keys alone")
