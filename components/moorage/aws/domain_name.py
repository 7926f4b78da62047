"""A name of one's own: its certificate, and its records in Route 53."""

from collections.abc import Mapping
from typing import NamedTuple

import pulumi
from pulumi_aws import acm, route53

from moorage.aws.domain_name_spec import CustomDomain
from moorage.aws.tags import named

_VALIDATION_TTL_SECONDS = 60


class AliasTarget(NamedTuple):
    """What a name is an alias for, as AWS gives it for a balancer, a distribution or an API."""

    dns_name: pulumi.Input[str]
    zone_id: pulumi.Input[str]
    """Of AWS's own zone with that name."""
    has_ipv6: bool = False


def certificate_arn_of(
    name: str,
    domain: CustomDomain,
    tags: Mapping[str, str],
    opts: pulumi.ResourceOptions,
    region: str | None = None,
) -> pulumi.Input[str]:
    """The given one's, or that of a new one, known once it is valid.

    Args:
        region: of a new one. Default: the provider's.
    """
    if domain.certificate_arn is not None:
        return domain.certificate_arn
    if domain.hosted_zone_id is None:
        raise AssertionError(f"{domain.domain_name}: `CustomDomain` has a certificate or a zone")
    certificate = acm.Certificate(
        name,
        domain_name=domain.domain_name,
        validation_method="DNS",
        region=region,
        tags=named(name, tags),
        opts=opts,
    )
    asked_for = certificate.domain_validation_options[0]
    record = route53.Record(
        f"{name}-validation",
        zone_id=domain.hosted_zone_id,
        name=asked_for.resource_record_name,
        type=asked_for.resource_record_type,
        records=[asked_for.resource_record_value],
        ttl=_VALIDATION_TTL_SECONDS,
        # ACM asks for the same record for each certificate of a name in an account, in any region
        # (docs.aws.amazon.com/acm/latest/userguide/dns-validation.html, read 2026-11-26).
        allow_overwrite=True,
        opts=opts,
    )
    return acm.CertificateValidation(
        f"{name}-issued",
        certificate_arn=certificate.arn,
        validation_record_fqdns=[record.fqdn],
        region=region,
        opts=opts,
    ).certificate_arn


def create_alias(name: str, domain: CustomDomain, target: AliasTarget, opts: pulumi.ResourceOptions) -> None:
    """The name's records, where a zone is given. One that is there already is somebody else's, and AWS refuses."""
    if domain.hosted_zone_id is None:
        return
    for kind in ("A", "AAAA") if target.has_ipv6 else ("A",):
        route53.Record(
            f"{name}-{kind.lower()}",
            zone_id=domain.hosted_zone_id,
            name=domain.domain_name,
            type=kind,
            # Where there is one record alone, its target's health changes nothing, and CloudFront's is never known
            # (botocore 1.43.117, route53: AliasTarget).
            aliases=[{"name": target.dns_name, "zone_id": target.zone_id, "evaluate_target_health": False}],
            opts=opts,
        )
