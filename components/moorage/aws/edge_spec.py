"""What a distribution of CloudFront before gateways is asked to be, validated."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from moorage.aws.domain_name_spec import CustomDomain, is_never_public
from moorage.aws.log_retention import RetentionDays
from moorage.aws.region import Region
from moorage.aws.tags import Tags
from moorage.edge.intent_classifier import open_classifier
from moorage.spec.numbers import WholeNumber

DEFAULT_ROUTE = "default"
MOST_ORIGIN_SECONDS = 120
"""docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/cloudfront-limits.html (read 2026-11-25): the response
timeout of an origin is from 1 to 120 seconds."""
ORIGIN_KEEP_ALIVE_SECONDS = 50
"""Ours: below the 60 after which an Application Load Balancer closes what is idle, unless it is told otherwise
(docs.aws.amazon.com/elasticloadbalancing/latest/application/application-load-balancers.html, read 2026-11-25). A POST
into a connection that is being closed fails: CloudFront tries it no second time."""
CACHED_ERRORS = (400, 403, 404, 405, 414, 500, 501, 502, 503, 504)
"""What CloudFront keeps for 10 seconds, whatever the cache policy says, unless it is told otherwise for each
(docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/custom-error-pages-expiration.html and
HTTPStatusCodes.html, copies, read 2026-11-26)."""
MOST_FUNCTION_BYTES = 10 * 1024
"""Of a CloudFront Function (that page, a copy of it read 2026-11-26, has "10 KB"). The API takes 40,960 (botocore
1.43.117: FunctionBlob)."""
MOST_KEY_VALUE_BYTES = 1024
"""Of one value of a KeyValueStore (that page, likewise: "1 KB")."""
MOST_CLASSIFIER_BYTES = 4 * 1024 * 1024
"""Ours: a function reads it at each cold start, before it answers. Lambda takes 50 MB."""
EDGE_REGION = "us-east-1"
"""Where CloudFront wants its functions of Lambda, its certificates and its logs to be (docs.aws.amazon.com/
AmazonCloudFront/latest/DeveloperGuide/lambda-at-edge-function-restrictions.html and standard-logging.html, copies, read
2026-11-26)."""

PUBLIC_AUTHORITY = "for which a public authority has a certificate: CloudFront trusts no other"
"""Those that Mozilla includes, before and behind CloudFront (docs.aws.amazon.com/AmazonCloudFront/latest/
DeveloperGuide/cnames-and-https-requirements.html, a copy, read 2026-11-26)."""

_WEB_ACL_ARN = re.compile(rf"arn:aws:wafv2:{EDGE_REGION}:\d{{12}}:global/webacl/.+")
_ORIGIN = re.compile(r"[a-z][a-z0-9-]{0,19}")


def _an_origin(name: str) -> str:
    if not _ORIGIN.fullmatch(name):
        raise ValueError("must be a name of at most 20 lowercase letters, digits and hyphens, the first a letter")
    return name


def _a_classifier(path: str) -> str:
    file = Path(path)
    if not file.is_file():
        raise ValueError("is no file; `moorage edge train` writes one")
    if file.stat().st_size > MOST_CLASSIFIER_BYTES:
        raise ValueError(f"has {file.stat().st_size:,} bytes; must be at most {MOST_CLASSIFIER_BYTES:,}")
    open_classifier(file)
    return path


def _a_global_web_acl(arn: str) -> str:
    if not _WEB_ACL_ARN.fullmatch(arn):
        allowed = "must be the ARN of a web ACL of AWS WAF for CloudFront, "
        raise ValueError(f"{allowed}arn:aws:wafv2:{EDGE_REGION}:ACCOUNT:global/webacl/…")
    return arn


def _a_domain_for_cloudfront(domain: CustomDomain) -> CustomDomain:
    if is_never_public(domain.domain_name):
        raise ValueError(f"domain_name = {domain.domain_name}: must be one of public DNS, {PUBLIC_AUTHORITY}")
    if domain.certificate_arn is not None and f":acm:{EDGE_REGION}:" not in domain.certificate_arn:
        raise ValueError(f"certificate_arn must be of a certificate in {EDGE_REGION}, where CloudFront looks for it")
    return domain


EdgeDomain = Annotated[CustomDomain, AfterValidator(_a_domain_for_cloudfront)]
"""With a certificate where CloudFront looks for it."""
EdgeWebAclArn = Annotated[str, AfterValidator(_a_global_web_acl)]
"""Of one that is CloudFront's, and no region's."""
OriginName = Annotated[str, AfterValidator(_an_origin)]
Weights = Annotated[Mapping[OriginName, Annotated[WholeNumber, Field(ge=0, le=1000)]], Field(min_length=1)]


class EdgeSpec(BaseModel):
    """What `EdgeDistributionArgs` say that is known before anything is created."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    routes: Mapping[Region | Literal["default"], Weights] = Field(min_length=1)
    signing_secret_version: WholeNumber = Field(default=1, ge=1)
    classifier_file: Annotated[str, AfterValidator(_a_classifier)] | None = None
    origin_read_timeout_seconds: WholeNumber = Field(default=MOST_ORIGIN_SECONDS, ge=1, le=MOST_ORIGIN_SECONDS)
    custom_domain: EdgeDomain | None = None
    web_acl_arn: EdgeWebAclArn | None = None
    enabled: bool = True
    log_retention_days: RetentionDays = 90
    tags: Tags = {}

    @model_validator(mode="after")
    def _every_request_has_somewhere_to_go(self) -> "EdgeSpec":
        if DEFAULT_ROUTE not in self.routes:
            raise ValueError(f"routes: must have {DEFAULT_ROUTE}, for clients near no region that is named")
        for region, weights in self.routes.items():
            if sum(weights.values()) == 0:
                raise ValueError(f"routes.{region}: at least one weight must be above 0")
            if len(weights_text(weights)) > MOST_KEY_VALUE_BYTES:
                raise ValueError(f"routes.{region}: is longer than the {MOST_KEY_VALUE_BYTES} bytes of one value")
        return self

    @property
    def origins(self) -> set[str]:
        """All that a route names."""
        return {origin for weights in self.routes.values() for origin in weights}

    @property
    def key_values(self) -> Mapping[str, str]:
        """What the viewer's function reads of its store, but for the secret."""
        return {
            "routes" if region == DEFAULT_ROUTE else f"routes-{region}": weights_text(weights)
            for region, weights in self.routes.items()
        }


def weights_text(weights: Mapping[str, int]) -> str:
    """As `viewer_request.js` reads them."""
    return ",".join(f"{origin}={weight}" for origin, weight in weights.items())
