"""How a new version of an endpoint comes to its requests, what its role may, and what its stack says before."""

import json

import pytest
import yaml

from moorage.aws.managed import SagemakerVllm, traffic_routing
from tests.contract.aws_programs import program
from tests.contract.recording import run_program
from tests.contract.stack_builds import ROOT, build


def test_one_instance_takes_all_requests_for_a_canary_is_at_most_half():
    assert traffic_routing(1) == {"type": "ALL_AT_ONCE", "wait_interval_in_seconds": 300}


@pytest.mark.parametrize("instances", [2, 10])
def test_several_instances_begin_with_a_tenth(instances: int):
    routing = traffic_routing(instances)
    assert routing["type"] == "CANARY"
    assert routing["canary_size"] == {"type": "CAPACITY_PERCENT", "value": 10}


def test_its_role_tells_cloudwatch_how_busy_instances_are_and_nothing_else():
    (policy,) = (
        json.loads(str(found.inputs["policy"]))
        for found in run_program(program((SagemakerVllm, {})))[1].registrations
        if found.name == "harbour-policy"
    )
    (told,) = (statement for statement in policy["Statement"] if statement["Action"] == ["cloudwatch:PutMetricData"])
    assert told["Condition"] == {"StringEquals": {"cloudwatch:namespace": "/aws/sagemaker/Endpoints"}}


def test_the_stack_names_the_quota_that_its_endpoint_needs():
    """With as many new instances beside the old ones."""
    configuration = yaml.safe_load((ROOT / "stacks" / "Pulumi.aws-managed.yaml").read_text())["config"]
    done = build(configuration)
    assert done.returncode == 0, done.stderr
    (warning,) = (line for line in json.loads(done.stdout)["logged"] if "quota" in line)
    made = json.loads(done.stdout)["registrations"]
    (variant,) = (
        variant
        for one in made
        if one["type"].endswith(":EndpointConfiguration")
        for variant in one["inputs"]["productionVariants"]
    )
    assert (
        f"at once, twice as many while it is updated: they need a quota of 8 for '{variant['instanceType']}" in warning
    )
