"""Names of one's own, their certificates and their zones: what may be asked for."""

import re
from typing import Annotated, NotRequired, TypedDict

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationInfo, field_validator

# botocore 1.43.117, acm: DomainNameString, and RequestCertificate, by which a certificate's name has at most 64
# characters (RFC 5280).
_LABEL = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
_DOMAIN_NAME = re.compile(rf"({_LABEL}\.)+[a-z][a-z0-9-]{{0,61}}[a-z0-9]")
_MOST_CERTIFICATE_NAME_CHARACTERS = 64
_CERTIFICATE_ARN = re.compile(r"arn:[a-z-]+:acm:[a-z0-9-]+:\d{12}:certificate/[\w-]+")
# botocore 1.43.117, route53: ResourceId has at most 32 characters; all that AWS has given out are capitals and digits.
_HOSTED_ZONE_ID = re.compile(r"[A-Z0-9]{1,32}")
_NEVER_PUBLIC = frozenset({"example", "internal", "invalid", "local", "localhost", "test"})
"""Top-level domains that no public DNS will ever have (www.iana.org/assignments/special-use-domain-names; `internal` by
resolution 2024.07.29.06 of ICANN's board; from memory of both)."""


def _a_domain_name(name: str) -> str:
    if not _DOMAIN_NAME.fullmatch(name):
        raise ValueError("must be a domain name in lowercase letters, such as llm.example.com")
    return name


def _a_certificate_arn(arn: str) -> str:
    if not _CERTIFICATE_ARN.fullmatch(arn):
        raise ValueError("must be the ARN of a certificate of ACM")
    return arn


def _a_hosted_zone_id(zone_id: str) -> str:
    if not _HOSTED_ZONE_ID.fullmatch(zone_id):
        raise ValueError("must be the id of a hosted zone of Route 53, such as Z0123456789ABCDEFGHIJ")
    return zone_id


DomainName = Annotated[str, AfterValidator(_a_domain_name)]
CertificateArn = Annotated[str, AfterValidator(_a_certificate_arn)]
HostedZoneId = Annotated[str, AfterValidator(_a_hosted_zone_id)]


class CustomDomainArgs(TypedDict):
    """A name of one's own. Its record in DNS is yours to make, unless `hosted_zone_id` says where it goes."""

    domain_name: str
    """What clients call, `llm.example.com`."""
    certificate_arn: NotRequired[str]
    """Of a certificate for it in AWS Certificate Manager, in the API's region, or in us-east-1 for CloudFront. Default:
    one is requested, and validated by a record in `hosted_zone_id`, whose zone has to be public then."""
    hosted_zone_id: NotRequired[str]
    """Of the zone of Route 53 that gets the name's record, and that of the certificate. Default: none gets any, and
    `certificate_arn` has to be given."""


class CustomDomain(BaseModel):
    """As `CustomDomainArgs`."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    domain_name: DomainName
    hosted_zone_id: HostedZoneId | None = None
    certificate_arn: CertificateArn | None = Field(default=None, validate_default=True)

    @field_validator("certificate_arn")
    @classmethod
    def _given_or_requested(cls, arn: str | None, info: ValidationInfo) -> str | None:
        if arn is None and info.data.get("hosted_zone_id", "") is None:
            raise ValueError("is missing; must be given, or hosted_zone_id, for a new certificate")
        if arn is None and "domain_name" in info.data:
            check_requestable(info.data["domain_name"])
        return arn


def check_requestable(domain_name: str) -> None:
    """Raises `ValueError` for a name of which ACM gives out no certificate that DNS validates.

    That takes a record in public DNS (docs.aws.amazon.com/acm/latest/userguide/dns-validation.html, read 2026-11-26):
    one in a private zone is never seen, and whoever waits for the certificate waits for more than an hour.
    """
    if is_never_public(domain_name):
        raise ValueError(
            f"is missing; no public DNS has names below .{_top_of(domain_name)}, by which ACM would validate a new "
            "certificate; must be the ARN of one that is imported or of a private authority"
        )
    if len(domain_name) > _MOST_CERTIFICATE_NAME_CHARACTERS:
        raise ValueError(
            f"is missing; {domain_name} has {len(domain_name)} characters, and a new certificate's name at most "
            f"{_MOST_CERTIFICATE_NAME_CHARACTERS}; must be the ARN of one that has it as a further name"
        )


def is_never_public(domain_name: str) -> bool:
    """Whether no public DNS will ever have it, and no public authority a certificate for it."""
    return _top_of(domain_name) in _NEVER_PUBLIC


def _top_of(domain_name: str) -> str:
    return domain_name.rpartition(".")[2]
