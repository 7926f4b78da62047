"""A new version that SageMaker takes back is no success: what is in use would be deleted."""

import json
from collections.abc import Mapping
from typing import Any

import pulumi
import pytest

from moorage.aws.asynchronous_endpoint import SagemakerAsyncVllm
from moorage.aws.managed import SagemakerVllm

from .aws_answers import ACCOUNT_ID, REGION
from .aws_programs import program
from .recording import OUTPUTS, Recording, run_program

ENDPOINT = "aws:sagemaker/endpoint:Endpoint"
both = pytest.mark.parametrize("kind", [SagemakerVllm, SagemakerAsyncVllm])


def made(kind: type[pulumi.ComponentResource] = SagemakerVllm) -> Recording:
    return run_program(program((kind, {})))[1]


def inputs(recording: Recording, name: str) -> Mapping[str, Any]:
    (found,) = [found.inputs for found in recording.registrations if found.name == name]
    return found


@both
def test_an_endpoint_that_still_serves_what_it_did_fails_the_update(
    kind: type[pulumi.ComponentResource], monkeypatch: pytest.MonkeyPatch
):
    """So it is not followed by the deletion of the version that is in use."""

    def taken_back(_: str, inputs: Mapping[str, Any]) -> dict[str, object]:
        return {"arn": f"arn:{inputs['name']}", "endpointConfigName": "harbour-configuration-before"}

    monkeypatch.setitem(OUTPUTS, ENDPOINT, taken_back)  # pyright: ignore[reportArgumentType]
    with pytest.raises(pulumi.RunError, match="serves harbour-configuration-before, not harbour-configuration-1a2b3c4"):
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
