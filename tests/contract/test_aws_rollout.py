"""A new version that AWS takes back is no success: what is in use would be deleted."""

import json
from collections.abc import Mapping
from typing import Any

import pulumi
import pytest

from moorage.aws.asynchronous_endpoint import SagemakerAsyncVllm
from moorage.aws.container_service import EcsVllm
from moorage.aws.fargate_vllm import FargateVllm
from moorage.aws.gateway import FargateGateway
from moorage.aws.managed import SagemakerVllm
from moorage.aws.worker import FargateWorker

from .aws_answers import ACCOUNT_ID, REGION
from .aws_programs import program
from .recording import OUTPUTS, Recording, run_program

ENDPOINT = "aws:sagemaker/endpoint:Endpoint"
SERVICE = "aws:ecs/service:Service"


def made(kind: type[pulumi.ComponentResource] = SagemakerVllm) -> Recording:
    return run_program(program((kind, {})))[1]


def inputs(recording: Recording, name: str) -> Mapping[str, Any]:
    (found,) = [found.inputs for found in recording.registrations if found.name == name]
    return found


@pytest.mark.parametrize(
    ("kind", "resource", "key", "wanted"),
    [
        (SagemakerVllm, ENDPOINT, "endpointConfigName", "harbour-configuration-1a2b3c4"),
        (SagemakerAsyncVllm, ENDPOINT, "endpointConfigName", "harbour-configuration-1a2b3c4"),
        (EcsVllm, SERVICE, "taskDefinition", "arn:aws:ecs:"),
        (FargateVllm, SERVICE, "taskDefinition", "arn:aws:ecs:"),
        (FargateGateway, SERVICE, "taskDefinition", "arn:aws:ecs:"),
        (FargateWorker, SERVICE, "taskDefinition", "arn:aws:ecs:"),
    ],
)
def test_what_still_runs_what_it_did_fails_the_update(
    kind: type[pulumi.ComponentResource], resource: str, key: str, wanted: str, monkeypatch: pytest.MonkeyPatch
):
    """So it is not followed by the deletion of the version that is in use."""
    answer = OUTPUTS[resource]

    def taken_back(name: str, inputs: Mapping[str, Any]) -> dict[str, object]:
        return {**answer(name, inputs), key: "the-one-before"}

    monkeypatch.setitem(OUTPUTS, resource, taken_back)  # pyright: ignore[reportArgumentType]
    with pytest.raises(pulumi.RunError, match=f"in use is the-one-before, not {wanted}"):
        made(kind)


def test_only_the_new_version_takes_itself_back():
    """The errors of the old one would else take back what mends them."""
    recording = made()
    assert inputs(recording, "harbour-rollback")["dimensions"] == {
        "EndpointName": "moorage-test-engine",
        "VariantName": "engines",
        "EndpointConfigName": "harbour-configuration-1a2b3c4",
    }


def test_sagemaker_may_look_at_its_alarm_before_there_is_an_endpoint():
    """docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails-configuration.html (read 2026-11-26)."""
    recording = made()
    policy = inputs(recording, "harbour-rollback-policy")
    assert policy["role"] == "harbour-role-id"
    (statement,) = json.loads(policy["policy"])["Statement"]
    assert statement["Action"] == ["cloudwatch:DescribeAlarms"]
    assert statement["Resource"] == [f"arn:aws:cloudwatch:{REGION}:{ACCOUNT_ID}:alarm:harbour-rollback"]
    (allowed,) = [found.urn for found in recording.registrations if found.name == "harbour-rollback-policy"]
    assert allowed in recording.the("Endpoint").dependencies
