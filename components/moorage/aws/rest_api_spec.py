"""What a REST API before a function is asked to be, validated."""

from collections.abc import Sequence
from ipaddress import ip_network
from typing import Annotated, Literal, TypedDict

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationInfo, field_validator

from moorage.aws.domain_name_spec import CustomDomain
from moorage.aws.lambda_quotas import MOST_STREAM_SECONDS, MOST_THROTTLE_REQUESTS_PER_SECOND
from moorage.aws.log_retention import RetentionDays
from moorage.aws.region import Region, region_of
from moorage.aws.tags import Tags
from moorage.spec.errors import Problem, SpecError
from moorage.spec.numbers import WholeNumber

_STRICT = ConfigDict(frozen=True, extra="forbid", strict=True)


class ThrottleArgs(TypedDict):
    """How many requests come through; what is above gets 429."""

    requests_per_second: int
    """In the mean."""
    burst: int
    """At once."""


def _a_network(cidr: str) -> str:
    try:
        network = ip_network(cidr)
    except ValueError as error:
        raise ValueError(f"{error}; must be a network, such as 203.0.113.0/24") from None
    if network.prefixlen == 0:
        raise ValueError("is everybody; leave client_cidrs out instead")
    return cidr


class Throttle(BaseModel):
    """As `ThrottleArgs`."""

    model_config = _STRICT

    requests_per_second: WholeNumber = Field(ge=1, le=MOST_THROTTLE_REQUESTS_PER_SECOND)
    burst: WholeNumber = Field(ge=1)


class RestApiSpec(BaseModel):
    """What `LambdaRestApiArgs` say that is known before anything is created."""

    model_config = _STRICT

    region: Region
    timeout_seconds: WholeNumber = Field(ge=1, le=MOST_STREAM_SECONDS)
    throttle: Throttle = Throttle(requests_per_second=50, burst=100)
    client_cidrs: Sequence[Annotated[str, AfterValidator(_a_network)]] | None = Field(default=None, min_length=1)
    custom_domain: CustomDomain | None = None
    log_role: Literal["install", "present"] = "install"
    tracing: bool = False
    log_retention_days: RetentionDays = 90
    tags: Tags = {}

    @field_validator("custom_domain")
    @classmethod
    def _has_its_certificate_here(cls, domain: CustomDomain | None, info: ValidationInfo) -> CustomDomain | None:
        region = info.data.get("region")
        arn = None if domain is None else domain.certificate_arn
        if arn is not None and region is not None and region_of(arn) != region:
            raise SpecError([Problem("certificate_arn", f" = {arn}: must be in {region}, where the API is")])
        return domain
