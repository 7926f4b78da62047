"""CloudFront before gateways: which origins may be what, and what a stack with it makes and refuses."""

import json
from typing import Any

import pytest

from moorage.aws.edge import EdgeDistribution
from moorage.aws.load_balancer_spec import LEAST_IDLE_SECONDS
from moorage.edge.signed_key import signed_key
from moorage.spec import SpecError

from .aws_example_values import PRIVATE_ORIGIN, PUBLIC_ORIGIN
from .aws_examples import AWS_EXAMPLES
from .recording import Recording, Registration, run_program
from .stack_builds import ROOT, build
from .test_stacks import configuration_of

FILE = ROOT / "stacks" / "Pulumi.aws-managed.yaml"
DOMAIN = "origin.llm.example.com"


def recorded(**changes: object) -> Recording:
    args = {**AWS_EXAMPLES[EdgeDistribution], **changes}
    return run_program(lambda: EdgeDistribution("harbour", {key: args[key] for key in args if args[key] is not None}))[
        1
    ]


def origin(recording: Recording) -> dict[str, Any]:
    (found,) = recording.the("Distribution").inputs["origins"]
    return found


def test_a_private_balancer_is_reached_inside_of_its_network():
    made = recorded(origins={"eu": PRIVATE_ORIGIN}, routes=None, classifier_file=None)
    assert "customOriginConfig" not in origin(made)
    endpoint = made.the("VpcOrigin").inputs["vpcOriginEndpointConfig"]
    assert (endpoint["arn"], endpoint["originProtocolPolicy"]) == (PRIVATE_ORIGIN["load_balancer_arn"], "https-only")


def test_a_balancer_of_the_internet_is_reached_by_tls_alone():
    made = recorded(origins={"eu": PUBLIC_ORIGIN}, routes=None)
    assert not made.of_type("VpcOrigin")
    reached = origin(made)["customOriginConfig"]
    assert (reached["originProtocolPolicy"], reached["originSslProtocols"]) == ("https-only", ["TLSv1.2"])
    assert reached["originReadTimeout"] == 60


def test_nothing_is_cached():
    """docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/cloudfront-limits.html (a copy, read 2026-11-26):
    "Only the responses for an HTTP GET are cached"; using-managed-cache-policies.html: which one disables caching."""
    distribution = recorded().the("Distribution").inputs
    behavior = distribution["defaultCacheBehavior"]
    assert "POST" in behavior["allowedMethods"]
    assert behavior["cachedMethods"] == ["GET", "HEAD"]
    assert behavior["cachePolicyId"] == "4135ea2d-6df8-44a3-9df3-4b5a84be39ad"
    assert not distribution.get("orderedCacheBehaviors")


def test_no_error_of_one_client_is_kept_for_another():
    """All that CloudFront keeps by itself (HTTPStatusCodes.html of the same guide, a copy, read 2026-11-26)."""
    kept = {one["errorCode"]: one for one in recorded().the("Distribution").inputs["customErrorResponses"]}
    assert set(kept) == {400, 403, 404, 405, 414, 500, 501, 502, 503, 504}
    assert {one["errorCachingMinTtl"] for one in kept.values()} == {0}
    assert all(set(one) == {"errorCode", "errorCachingMinTtl"} for one in kept.values())


@pytest.mark.parametrize(
    ("given", "block"), [(PRIVATE_ORIGIN, "vpcOriginConfig"), (PUBLIC_ORIGIN, "customOriginConfig")]
)
def test_cloudfront_lets_go_of_a_connection_before_any_balancer_does(given: dict[str, str], block: str):
    made = recorded(origins={"eu": given}, routes=None, classifier_file=None)
    assert origin(made)[block]["originKeepaliveTimeout"] < LEAST_IDLE_SECONDS


def test_another_balancer_gets_an_origin_of_its_own_for_one_in_use_is_not_changed():
    origin_in_use = recorded(origins={"eu": PRIVATE_ORIGIN}, routes=None, classifier_file=None).the("VpcOrigin")
    assert origin_in_use.replace_on_changes == ("vpcOriginEndpointConfig",)


def test_two_distributions_of_one_name_share_nothing_that_an_account_has_once():
    """Sources, destinations and policies of deliveries are written over without a word where there are some of the name
    (botocore 1.43.117, logs: PutDeliverySource, PutDeliveryDestination, PutResourcePolicy)."""
    made = recorded(origins={"eu": PRIVATE_ORIGIN}, routes=None, classifier_file=None)
    for kind in ("LogDeliverySource", "LogDeliveryDestination"):
        assert "name" not in made.the(kind).inputs
    assert made.the("LogResourcePolicy").inputs["policyName"] == "harbour-edge-log-harbour-distribution-id"
    balancer_id = PRIVATE_ORIGIN["load_balancer_arn"].rpartition("/")[2]
    assert made.the("VpcOrigin").inputs["vpcOriginEndpointConfig"]["name"] == f"harbour-{balancer_id}"


def test_a_file_that_is_no_model_is_refused_for_each_request_would_fail_at_it():
    with pytest.raises(SpecError, match=r"classifier_file = .*is no model that `moorage edge train` has written"):
        recorded(classifier_file=str(ROOT / "contracts" / "gateway-config.v1.schema.json"))


def keys_in_store(made: Recording) -> dict[str, Registration]:
    return {found.inputs["key"]: found for found in made.of_type("KeyvaluestoreKey")}


@pytest.mark.parametrize(
    ("version", "secrets"),
    [(1, {"": "hmac"}), (2, {"-2": "hmac", "": "hmac-previous"}), (3, {"-3": "hmac", "-2": "hmac-previous"})],
)
def test_counted_up_the_secret_is_a_new_one_and_the_one_before_is_kept(version: int, secrets: dict[str, str]):
    found = keys_in_store(recorded(signing_secret_version=version))
    kept = {key: one.inputs["value"].value for key, one in found.items() if key.startswith("hmac")}
    assert kept == {key: f"moorage-harbour-signing-secret{suffix}-plaintext" for suffix, key in secrets.items()}


def test_the_secret_before_is_in_the_store_before_it_is_replaced():
    found = keys_in_store(recorded(signing_secret_version=2))
    assert found["hmac-previous"].urn in found["hmac"].dependencies


def test_a_model_before_a_private_balancer_is_refused_for_aws_would_not_run_it():
    with pytest.raises(
        SpecError, match=r"classifier_file = .*origins inside of a network.*load_balancer_arn of eu, which"
    ):
        recorded(origins={"eu": PRIVATE_ORIGIN, "us": PUBLIC_ORIGIN}, routes=None)


def changed(**changes: dict[str, object] | None) -> dict[str, object]:
    keys = {**configuration_of(FILE), **{f"moorage:{name}": value for name, value in changes.items()}}
    return {name: value for name, value in keys.items() if value is not None}


@pytest.fixture(scope="module")
def stack() -> dict[str, Any]:
    done = build(changed())
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def made(stack: dict[str, Any], suffix: str) -> list[dict[str, Any]]:
    return [one["inputs"] for one in stack["registrations"] if one["type"].endswith(f":{suffix}")]


def test_clients_of_a_stack_call_the_distribution(stack: dict[str, Any]):
    assert stack["outputs"]["endpoint_url"] == "https://llm.example.com/v1"
    assert "https://llm.example.com/v1/chat/completions" in stack["outputs"]["try_it"]
    (distribution,) = made(stack, "Distribution")
    (reached,) = distribution["origins"]
    assert (reached["domainName"], distribution["aliases"]) == (DOMAIN, ["llm.example.com"])


def test_the_key_of_a_stack_is_signed_and_a_secret(stack: dict[str, Any]):
    key = stack["outputs"]["api_key"]["secret"]
    secret = stack["outputs"]["signing_secret"]["secret"]
    assert key == signed_key(key.partition(".")[0], secret)


def test_its_balancer_has_no_address_of_the_internet_and_lets_cloudfront_in(stack: dict[str, Any]):
    (balancer,) = (one for one in made(stack, "LoadBalancer"))
    assert balancer["internal"] is True
    (way,) = (one for one in made(stack, "SecurityGroupIngressRule") if one.get("description") == "CloudFront")
    assert (way["securityGroupId"], way["fromPort"], way["toPort"]) == ("balancer-balancer-id", 443, 443)
    assert way["referencedSecurityGroupId"] == "sg-0123456789abcdef0"


def test_without_the_key_there_is_no_distribution():
    done = build(changed(edge=None))
    assert done.returncode == 0, done.stderr
    assert not made(json.loads(done.stdout), "Distribution")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"load_balancer": None}, "load_balancer.certificate_arn: is missing; CloudFront speaks TLS"),
        (
            {
                "load_balancer": {
                    "public": True,
                    "hostname": DOMAIN,
                    "certificate_arn": "arn:aws:acm:us-east-1:123456789012:certificate/0a1b",
                    "client_cidrs": ["0.0.0.0/0"],
                }
            },
            "load_balancer.public = true: must be false with edge",
        ),
        (
            {"load_balancer": {"hostname": DOMAIN, "hosted_zone_id": "Z0123456789", "managed_web_acl": True}},
            "load_balancer.managed_web_acl = true: must be false with edge, by whose addresses all clients come",
        ),
        ({"gateway": {"authentication": "none"}}, "gateway.authentication = none: must be api_keys with edge"),
        (
            {
                "edge": {
                    "enabled": True,
                    "custom_domain": {
                        "domain_name": "llm.example.com",
                        "certificate_arn": "arn:aws:acm:eu-central-1:123456789012:certificate/0a1b",
                    },
                }
            },
            "must be of a certificate in us-east-1",
        ),
        ({"edge": {"custom_domain": None}}, "edge.enabled"),
        (
            {"aws": {"region": "us-gov-west-1", "availability_zones": ["us-gov-west-1a", "us-gov-west-1b"]}},
            "edge: CloudFront reaches no network in aws.region = us-gov-west-1; must be left out",
        ),
        (
            {
                "load_balancer": {
                    "hostname": "origin.internal",
                    "certificate_arn": "arn:aws:acm:us-east-1:123456789012:certificate/0a1b",
                }
            },
            "load_balancer.hostname = origin.internal: must be one of public DNS, for which a public authority has",
        ),
        (
            {
                "edge": {
                    "enabled": True,
                    "custom_domain": {
                        "domain_name": "llm.internal",
                        "certificate_arn": "arn:aws:acm:us-east-1:123456789012:certificate/0a1b",
                    },
                }
            },
            "domain_name = llm.internal: must be one of public DNS, for which a public authority has a certificate",
        ),
        (
            {"edge": {"enabled": True, "custom_domain": {"domain_name": DOMAIN, "hosted_zone_id": "ZONE"}}},
            f"edge.custom_domain.domain_name = {DOMAIN}: must be another one than load_balancer.hostname",
        ),
        (
            {"edge": {"enabled": True, "web_acl_arn": "arn:aws:wafv2:us-east-1:123456789012:regional/webacl/a/b"}},
            "must be the ARN of a web ACL of AWS WAF for CloudFront, arn:aws:wafv2:us-east-1:ACCOUNT:global/webacl/",
        ),
    ],
)
def test_what_would_not_work_with_an_edge_is_refused(changes: dict[str, dict[str, object] | None], message: str):
    done = build(changed(**changes))
    assert done.returncode != 0
    assert message in done.stderr


def test_answers_that_take_longer_than_cloudfront_waits_are_warned_of():
    for seconds, is_warned in ((120, False), (121, True)):
        done = build(changed(service_level={"p99_request_seconds": seconds}))
        assert ("CloudFront answers 504 after 120 seconds" in done.stdout) is is_warned, done.stderr


def test_a_stack_that_can_have_no_edge_hears_that_alone():
    keys = configuration_of(ROOT / "stacks" / "Pulumi.aws-serverless.yaml")
    done = build({**keys, "moorage:edge": {"enabled": True}})
    assert "edge: has no meaning with platform = lambda; remove it" in done.stderr
    assert "load_balancer" not in done.stderr
