"""A name of one's own in Route 53: its certificate is requested and valid before anybody uses it, its records go where
the service is, and what AWS would refuse, or never end, is refused at preview."""

import re

import pulumi
import pytest

from moorage.aws.edge import EdgeDistribution
from moorage.aws.load_balancer import StreamLoadBalancer
from moorage.aws.rest_api import LambdaRestApi
from moorage.spec import SpecError

from .aws_answers import REGION
from .aws_example_values import EXPOSURE, HOSTED_ZONE_ID, OWN_DOMAIN, OWN_EXPOSURE
from .aws_programs import VARIANTS, program
from .examples import component
from .recording import Recording, run_program

BALANCER, API, EDGE = (
    "balancer with a name in a zone",
    "REST API with a domain in a zone",
    "edge with a domain in a zone",
)
GIVEN = {**OWN_DOMAIN, "certificate_arn": EXPOSURE["certificate_arn"]}


def recorded(variant: str, **changes: object) -> Recording:
    return run_program(program(VARIANTS[variant], **changes))[1]


def aliases(recording: Recording) -> dict[str, dict[str, object]]:
    """By type of record, with what they are aliases for."""
    return {
        found.inputs["type"]: {**found.inputs, **found.inputs["aliases"][0]}
        for found in recording.of_type("Record")
        if "aliases" in found.inputs
    }


@pytest.mark.parametrize(
    ("variant", "user", "certificate", "region"),
    [
        (BALANCER, "Listener", "certificateArn", REGION),
        (API, "DomainName", "regionalCertificateArn", REGION),
        (EDGE, "Distribution", "viewerCertificate.acmCertificateArn", "us-east-1"),
    ],
)
def test_the_certificate_is_valid_before_it_is_used(variant: str, user: str, certificate: str, region: str):
    recording = recorded(variant)
    requested, issued = recording.the("Certificate"), recording.the("CertificateValidation")
    assert (requested.inputs["domainName"], requested.inputs["validationMethod"]) == ("llm.example.com", "DNS")
    assert issued.urn in recording.the(user).dependencies
    used = recording.the(user).inputs
    for key in certificate.split("."):
        used = used[key]
    assert used == issued.inputs["certificateArn"]
    assert used.startswith(f"arn:aws:acm:{region}:")
    assert issued.inputs.get("region") == requested.inputs.get("region")


def test_acm_finds_the_record_by_which_it_validates():
    recording = recorded(BALANCER)
    (record,) = (found for found in recording.of_type("Record") if "records" in found.inputs)
    assert record.inputs["zoneId"] == HOSTED_ZONE_ID
    assert (record.inputs["name"], record.inputs["type"]) == ("_0a1b2c3d.llm.example.com.", "CNAME")
    assert record.inputs["records"] == ["_4e5f6a7b.acm-validations.aws."]
    assert record.urn in recording.the("CertificateValidation").dependencies


def test_another_certificate_of_the_name_shares_the_record_and_no_alias_of_somebody_else_is_taken_over():
    for variant in (BALANCER, API, EDGE):
        records = recorded(variant).of_type("Record")
        assert {found.inputs.get("allowOverwrite", False) for found in records if "records" in found.inputs} == {True}
        assert {found.inputs.get("allowOverwrite", False) for found in records if "aliases" in found.inputs} == {False}


@pytest.mark.parametrize(
    ("variant", "kinds", "target", "zone"),
    [
        (BALANCER, {"A"}, "internal-harbour-balancer-1a2b3c4.eu-central-1.elb.amazonaws.com", "Z215JYRZR1TBD5"),
        (API, {"A"}, "d-harbour-domain.execute-api.eu-central-1.amazonaws.com", "Z1U9ULNL0V5AJ3"),
        (EDGE, {"A", "AAAA"}, "d111111abcdef8.cloudfront.net", "Z2FDTNDATAQYW2"),
    ],
)
def test_the_name_is_an_alias_for_what_answers_with_the_addresses_that_it_has(
    variant: str, kinds: set[str], target: str, zone: str
):
    found = aliases(recorded(variant))
    assert set(found) == kinds
    for alias in found.values():
        assert alias["zoneId"] == zone
        assert alias["name"] == target
        assert alias["evaluateTargetHealth"] is False


def test_the_balancers_clients_speak_tls_with_the_requested_certificate():
    recording = recorded(BALANCER)
    listener = recording.the("Listener").inputs
    assert (listener["port"], listener["protocol"]) == (443, "HTTPS")
    ports = {
        found.inputs["fromPort"]
        for found in recording.of_type("SecurityGroupIngressRule")
        if "cidrIpv4" in found.inputs
    }
    assert ports == {443}


@pytest.mark.parametrize(
    ("variant", "changes"),
    [
        (BALANCER, {"exposure": {**OWN_EXPOSURE, "certificate_arn": EXPOSURE["certificate_arn"]}}),
        (API, {"custom_domain": GIVEN}),
        (EDGE, {"custom_domain": {**GIVEN, "certificate_arn": GIVEN["certificate_arn"].replace(REGION, "us-east-1")}}),
    ],
)
def test_with_a_certificate_that_is_given_there_is_the_alias_alone(variant: str, changes: dict[str, object]):
    recording = recorded(variant, **changes)
    assert not recording.of_type("Certificate")
    assert not recording.of_type("CertificateValidation")
    assert len(recording.of_type("Record")) == len(aliases(recording)) > 0


@pytest.mark.parametrize("variant", ["public balancer", "REST API with a domain", "edge"])
def test_without_a_zone_the_records_are_the_users(variant: str):
    recording = recorded(variant)
    assert not recording.of_type("Record")
    assert not recording.of_type("Certificate")


LONG = f"{'llm.' * 16}example.com"
REFUSED: list[tuple[type[pulumi.ComponentResource], dict[str, object], str]] = [
    (
        StreamLoadBalancer,
        {"exposure": {"hosted_zone_id": HOSTED_ZONE_ID}},
        'exposure.hosted_zone_id = "Z0123456789ABCDEFGHIJ": needs hostname',
    ),
    (
        StreamLoadBalancer,
        {"exposure": {**OWN_EXPOSURE, "hosted_zone_id": "example.com"}},
        "must be the id of a hosted zone of Route 53",
    ),
    (
        StreamLoadBalancer,
        {"exposure": {**OWN_EXPOSURE, "public": False, "hostname": "llm.harbour.internal"}},
        "no public DNS has names below .internal",
    ),
    (
        StreamLoadBalancer,
        {"exposure": {**OWN_EXPOSURE, "hostname": LONG}},
        "has 75 characters, and a new certificate's name at most 64",
    ),
    (
        LambdaRestApi,
        {"custom_domain": {"domain_name": "llm.example.com"}},
        "custom_domain.certificate_arn = null: is missing; must be given, or hosted_zone_id",
    ),
    (
        LambdaRestApi,
        {"custom_domain": {**OWN_DOMAIN, "domain_name": "llm.local"}},
        "no public DNS has names below .local",
    ),
    (EdgeDistribution, {"custom_domain": {"hosted_zone_id": HOSTED_ZONE_ID}}, "custom_domain.domain_name"),
    (
        EdgeDistribution,
        {"custom_domain": {"domain_name": "llm.example.com"}},
        "custom_domain.certificate_arn = null: is missing",
    ),
]


@pytest.mark.parametrize(("kind", "changes", "problem"), REFUSED)
def test_what_would_never_become_a_name_with_a_certificate_is_refused(
    kind: type[pulumi.ComponentResource], changes: dict[str, object], problem: str
):
    with pytest.raises(SpecError, match=re.escape(problem)):
        run_program(component(kind, "harbour", **changes))


def test_a_name_of_a_private_zone_has_a_certificate_that_is_given():
    exposure = {
        "hostname": "llm.harbour.internal",
        "hosted_zone_id": HOSTED_ZONE_ID,
        "certificate_arn": EXPOSURE["certificate_arn"],
    }
    assert set(aliases(recorded(BALANCER, exposure=exposure))) == {"A"}
