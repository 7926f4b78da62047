"""A function with a GPU, which CloudFormation makes: its template is what CloudFormation's own schemas want."""

import json
from typing import Any

import pytest
from cfnlint.api import lint
from cfnlint.config import ManualArgs

from moorage.spec import SpecError

from .aws_answers import ACCOUNT_ID, REGION
from .aws_example_values import TAGS
from .aws_programs import VARIANTS, program
from .recording import Recording, run_program, value_of

VARIANT = VARIANTS["function with a GPU"]
NEWER_THAN_THE_SCHEMAS = "Additional properties are not allowed ('AcceleratorConfig' was unexpected)"
"""cfn-lint 1.58 has CloudFormation's schemas of before 20 November 2026, when that property came."""


def recorded(**changes: object) -> Recording:
    return run_program(program(VARIANT, **changes))[1]


def template(**changes: object) -> str:
    return recorded(**changes).the("Stack").inputs["templateBody"]


def properties_of(kind: str, **changes: object) -> dict[str, Any]:
    resources = json.loads(template(**changes))["Resources"].values()
    (found,) = [resource["Properties"] for resource in resources if resource["Type"] == f"AWS::Lambda::{kind}"]
    return found


@pytest.mark.parametrize(
    "changes", [{}, {"instance_types": ["g6.xlarge"], "environment": {"STAGE": "b"}}, {"tags": ...}]
)
def test_cloudformation_knows_all_of_it_but_what_is_newer(changes: dict[str, object]):
    found = [match.message for match in lint(template(**changes), config=ManualArgs(regions=[REGION]))]
    assert found == [NEWER_THAN_THE_SCHEMAS]


def test_a_template_with_a_mistake_is_found_out():
    """Else the test above would pass for a judge that does not look."""
    wrong = template().replace(
        '"PerExecutionEnvironmentMaxConcurrency": 64', '"PerExecutionEnvironmentMaxConcurrency": 9999'
    )
    assert len(lint(wrong, config=ManualArgs(regions=[REGION]))) > 1


def test_the_function_has_its_gpu_on_the_capacity_provider():
    function = properties_of("Function")
    assert function["AcceleratorConfig"] == {"AcceleratorMemorySize": 24}
    assert (function["PackageType"], function["Architectures"]) == ("Image", ["x86_64"])
    managed = function["CapacityProviderConfig"]["LambdaManagedInstancesCapacityProviderConfig"]
    assert managed == {
        "CapacityProviderArn": {"Fn::GetAtt": ["CapacityProvider", "Arn"]},
        "PerExecutionEnvironmentMaxConcurrency": 64,
        "ExecutionEnvironmentMemoryGiBPerVCpu": 8,
    }


def test_its_instances_are_in_the_subnets_with_the_tags_and_bounded():
    provider = properties_of("CapacityProvider")
    assert provider["VpcConfig"]["SubnetIds"] == ["subnet-0a1b2c3d", "subnet-1a2b3c4d"]
    assert provider["CapacityProviderScalingConfig"]["MaxVCpuCount"] == 16
    assert {tag["Key"]: tag["Value"] for tag in provider["PropagateTags"]["ExplicitTags"]} == TAGS


def test_clients_reach_the_newest_version_by_its_alias():
    component, recording = run_program(program(VARIANT))
    assert value_of(component.function_alias) == properties_of("Alias")["Name"] == "live"
    assert value_of(component.function_name) == "harbour-stack-1a2b3c4"
    assert properties_of("Function")["FunctionName"] == {"Ref": "AWS::StackName"}
    assert properties_of("Version")["FunctionScalingConfig"] == {
        "MinExecutionEnvironments": 1,
        "MaxExecutionEnvironments": 4,
    }
    assert recording.the("Stack").inputs["timeoutInMinutes"] == 60


def versions(**changes: object) -> list[str]:
    return [name for name in json.loads(template(**changes))["Resources"] if name.startswith("Version")]


@pytest.mark.parametrize("changes", [{"memory_mb": 20_480}, {"environment": {"STAGE": "b"}}, {"timeout_seconds": 301}])
def test_another_function_is_published_as_another_version(changes: dict[str, object]):
    assert versions(**changes) != versions()


@pytest.mark.parametrize("changes", [{}, {"max_environments": 5}, {"max_vcpus": 32}, {"log_retention_days": 7}])
def test_the_same_function_is_not(changes: dict[str, object]):
    assert versions(**changes) == versions()


def test_lambda_launches_instances_by_a_role_for_this_account():
    roles = {found.name: found.inputs["assumeRolePolicy"] for found in recorded().of_type("Role")}
    (statement,) = json.loads(roles["harbour-operator-role"])["Statement"]
    assert statement["Principal"] == {"Service": "lambda.amazonaws.com"}
    assert statement["Condition"] == {"StringEquals": {"aws:SourceAccount": ACCOUNT_ID}}
    attached = recorded().the("RolePolicyAttachment").inputs["policyArn"]
    assert attached == "arn:aws:iam::aws:policy/AWSLambdaManagedEC2ResourceOperator"
    assert recorded().the("RolePolicyAttachment").urn in recorded().the("Stack").dependencies


def test_its_key_is_for_the_disks_that_lambda_launches_instances_with():
    """Its role for that has no right on a key, but what it does through EC2 the key's own policy allows."""
    (volumes,) = (
        statement
        for statement in json.loads(recorded().the("Key").inputs["policy"])["Statement"]
        if statement["Sid"] == "Volumes"
    )
    assert volumes["Condition"]["StringEquals"]["kms:ViaService"] == f"ec2.{REGION}.amazonaws.com"
    assert "kms:CreateGrant" in volumes["Action"]


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"accelerator_memory_gib": 80}, "must be one of 3, 6, 12, 16, 24, 48"),
        ({"memory_mb": 65_536}, "memory_mb = 65536"),
        ({"timeout_seconds": 901}, "timeout_seconds = 901"),
        ({"min_environments": 5}, "max_environments = 4: must be at least min_environments = 5"),
        ({"max_vcpus": 1}, "max_vcpus = 1"),
        ({"memory_gib_per_vcpu": 3}, "memory_gib_per_vcpu = 3"),
        ({"concurrent_requests": 1601}, "concurrent_requests = 1601"),
    ],
)
def test_what_lambda_would_refuse_is_refused_at_preview(changes: dict[str, object], problem: str):
    with pytest.raises(SpecError, match=problem):
        recorded(**changes)
