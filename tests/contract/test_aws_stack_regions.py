"""What the region of a stack on AWS has not, or takes back, is refused before anything is made, with the way out."""

import json
from typing import Any

import pytest

from .stack_builds import ROOT, build
from .test_stacks import configuration_of

pytestmark = pytest.mark.long

WITHOUT_GPUS = "mx-central-1"
HAVE_SOME = "has no instance with GPUs that is known (did you mean me-central-1?); there are some in"


def changed(file: str, **changes: Any) -> dict[str, Any]:
    """A group's keys are merged into it; `...` leaves one out."""
    keys = configuration_of(ROOT / "stacks" / f"Pulumi.{file}.yaml")
    for name, value in changes.items():
        given = keys.get(f"moorage:{name}", {})
        keys[f"moorage:{name}"] = {**given, **value} if isinstance(value, dict) else value
    return {key: value for key, value in keys.items() if value is not ...}


def refused(file: str, **changes: Any) -> str:
    done = build(changed(file, **changes))
    assert done.returncode != 0
    return done.stderr


def warned(file: str, **changes: Any) -> str:
    done = build(changed(file, **changes))
    assert done.returncode == 0, done.stderr
    return "\n".join(json.loads(done.stdout)["logged"])


def region(name: str) -> dict[str, Any]:
    return {"region": name, "availability_zones": [f"{name}a", f"{name}b"]}


@pytest.mark.parametrize("file", ["aws-fargate-cpu", "aws-serverless"])
def test_a_region_that_is_none_is_refused_though_no_gpu_is_asked_for(file: str):
    own = {"images": {"engine": f"123456789012.dkr.ecr.us-est-1.amazonaws.com/engine@sha256:{'0' * 64}"}}
    zones = {} if file == "aws-serverless" else region("us-est-1")
    said = refused(file, **own, aws={"region": "us-est-1", **zones})
    assert "aws.region = us-est-1: is no region that pulumi-aws" in said
    assert "(did you mean us-" in said


@pytest.mark.parametrize("file", ["aws-always-on", "aws-ecs"])
def test_zones_of_another_region_are_refused_by_the_files_own_key(file: str):
    said = refused(file, aws={"region": "eu-central-1"})
    assert 'aws.availability_zones = ["us-east-1a", "us-east-1b"]: must be zones of eu-central-1' in said


CERTIFICATE = "arn:aws:acm:eu-west-1:123456789012:certificate/0a1b"
WEB_ACL = "arn:aws:wafv2:eu-west-1:123456789012:regional/webacl/edge/0a1b"
BALANCER = {"hostname": "llm.example.com", "certificate_arn": CERTIFICATE, "web_acl_arn": WEB_ACL}


def test_what_a_balancer_names_in_another_region_is_refused_all_at_once():
    said = refused("aws-ecs", load_balancer=BALANCER)
    assert f"load_balancer.certificate_arn = {CERTIFICATE}: must be in us-east-1, where the balancer is" in said
    assert f"load_balancer.web_acl_arn = {WEB_ACL}: must be in us-east-1" in said


def test_a_certificate_of_another_region_is_refused_for_an_api():
    domain = {"domain_name": "llm.example.com", "certificate_arn": CERTIFICATE}
    said = refused("aws-serverless", function={"custom_domain": domain})
    assert f"function.custom_domain.certificate_arn = {CERTIFICATE}: must be in us-east-1, where the API is" in said


MANAGED = {"edge": ..., "load_balancer": ...}
"""Without what has certificates of one region."""


@pytest.mark.parametrize(
    ("file", "key", "changes"),
    [
        ("aws-always-on", "aws.region", {"aws": region(WITHOUT_GPUS)}),
        ("aws-ecs", "aws.region", {"aws": region(WITHOUT_GPUS)}),
        ("aws-managed", "aws.region", {**MANAGED, "aws": region(WITHOUT_GPUS)}),
        ("aws-failover", "failover.region", {"failover": {"region": WITHOUT_GPUS}}),
    ],
)
def test_a_region_without_gpus_is_refused_with_those_that_have_some(file: str, key: str, changes: dict[str, Any]):
    said = refused(file, **changes)
    assert f"{key} = {WITHOUT_GPUS}: {HAVE_SOME}" in said
    assert "g6.2xlarge, g5.2xlarge" in said


@pytest.mark.parametrize("file", ["aws-always-on", "aws-ecs", "aws-managed"])
def test_an_instance_that_the_region_has_not_is_refused_with_what_would_fit_there(file: str):
    own = MANAGED if file == "aws-managed" else {}
    said = refused(file, **own, aws=region("eu-west-3"), pool={"instance_types": ["p5.4xlarge"]})
    assert "pool.instance_types: p5.4xlarge is not to be had in eu-west-3; it is in" in said
    assert "; in eu-west-3 g" in said


@pytest.mark.parametrize(
    ("file", "key", "changes"),
    [
        ("aws-managed", "aws.region", {**MANAGED, "aws": region("us-gov-west-1")}),
        ("aws-failover", "failover.region", {"failover": {"region": "us-gov-west-1"}}),
    ],
)
def test_a_region_without_sagemakers_container_is_refused_with_those_that_have_it(
    file: str, key: str, changes: dict[str, Any]
):
    said = refused(file, **changes)
    assert f'{key} = "us-gov-west-1": has no vLLM container for SageMaker; must be one of af-south-1' in said


def test_an_instance_that_sagemaker_has_not_is_refused():
    said = refused("aws-managed", pool={"instance_types": ["gr6.4xlarge"]})
    assert 'pool.instance_types = "ml.gr6.4xlarge": must be an instance of SageMaker with NVIDIA GPUs' in said


def test_a_failover_takes_of_the_stacks_instances_those_that_sagemaker_has():
    for named, taken in ((["gr6.4xlarge", "g6e.xlarge"], "g6e.xlarge"), (["gr6.4xlarge"], "g6.2xlarge")):
        assert f"'ml.{taken} for endpoint usage'" in warned("aws-failover", pool={"instance_types": named})


def test_the_preview_names_the_quota_of_a_failover_with_its_region():
    said = warned("aws-failover", failover={"max_instances": 3})
    assert "the endpoint in us-west-2 may have up to 3 instances at once" in said
    assert "a quota of 6 for 'ml.g6.2xlarge for endpoint usage'" in said
    assert "list-service-quotas --region us-west-2" in said


@pytest.mark.parametrize("name", ["capacity_types", "max_nodes"])
def test_sagemaker_has_no_spot_and_no_engine_on_several_instances(name: str):
    said = refused("aws-managed", pool={name: {"capacity_types": ["spot"], "max_nodes": 2}[name]})
    assert f"pool.{name}: has no meaning with platform = sagemaker" in said


@pytest.mark.parametrize("file", ["aws-always-on", "gcp-always-on"])
def test_one_replica_on_spot_alone_is_warned_of(file: str):
    changes = {"pool": {"capacity_types": ["spot"]}, "replicas": {"min": 1, "max": 1}}
    said = warned(file, **changes, engine={"allow_downtime": True})
    assert "pool.capacity_types = spot: the cloud can take the nodes back at any time" in said
    assert "pool.capacity_types" not in warned(file)
