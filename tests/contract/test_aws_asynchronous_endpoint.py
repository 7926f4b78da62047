"""An endpoint that is asked by way of S3 has no instance where nothing waits, and keeps what is said private."""

import json
from typing import Any

import pytest

from moorage.aws.asynchronous_endpoint import SagemakerAsyncVllm
from moorage.spec import SpecError

from .aws_programs import program
from .recording import run_program, value_of


def made(**changes: object) -> dict[str, dict[str, Any]]:
    _, recording = run_program(program((SagemakerAsyncVllm, changes)))
    return {found.name: found.inputs for found in recording.registrations}


def test_without_a_backlog_there_is_no_instance():
    target = made()["harbour-scaling"]
    assert (target["minCapacity"], target["maxCapacity"]) == (0, 3)


def test_more_waiting_requests_than_an_instance_answers_at_once_make_another():
    inputs = made()
    tracked = inputs["harbour-scaling-backlog"]["targetTrackingScalingPolicyConfiguration"]
    assert tracked["customizedMetricSpecification"]["metricName"] == "ApproximateBacklogSizePerInstance"
    client = inputs["harbour-configuration"]["asyncInferenceConfig"]["clientConfig"]
    engine = inputs["harbour-model"]["primaryContainer"]["environment"]
    answered_at_once = int(engine["SM_VLLM_MAX_NUM_SEQS"])
    assert tracked["targetValue"] == client["maxConcurrentInvocationsPerInstance"] == answered_at_once


def test_the_first_request_makes_the_first_instance():
    inputs = made()
    alarm = inputs["harbour-scaling-from-zero-alarm"]
    assert alarm["metricName"] == "HasBacklogWithoutCapacity"
    assert alarm["dimensions"] == {"EndpointName": "moorage-test-jobs"}
    assert alarm["alarmActions"] == [
        "arn:aws:autoscaling:eu-central-1:123456789012:scalingPolicy:harbour-scaling-from-zero"
    ]
    (step,) = inputs["harbour-scaling-from-zero"]["stepScalingPolicyConfiguration"]["stepAdjustments"]
    assert step["scalingAdjustment"] == 1


def test_answers_and_failures_have_folders_of_their_own_under_the_buckets_own_key():
    inputs = made()
    output = inputs["harbour-configuration"]["asyncInferenceConfig"]["outputConfig"]
    assert output["s3OutputPath"] == "s3://harbour-data-1a2b3c4/outputs"
    assert output["s3FailurePath"] == "s3://harbour-data-1a2b3c4/failures"
    (rule,) = inputs["harbour-data-encryption"]["rules"]
    assert output["kmsKeyId"] == rule["applyServerSideEncryptionByDefault"]["kmsMasterKeyId"]


def test_what_is_kept_expires():
    (rule,) = made()["harbour-data-expiry"]["rules"]
    assert rule["expiration"] == {"days": 3}


def test_nobody_is_told_where_no_topic_is_given():
    inputs = made(success_topic_arn=..., error_topic_arn=...)
    output = inputs["harbour-configuration"]["asyncInferenceConfig"]["outputConfig"]
    assert output.get("notificationConfig") is None
    assert "sns:Publish" not in inputs["harbour-policy"]["policy"]


def test_topics_are_told_by_their_names():
    output = made()["harbour-configuration"]["asyncInferenceConfig"]["outputConfig"]
    assert output["notificationConfig"] == {
        "successTopic": "arn:aws:sns:eu-central-1:123456789012:answered",
        "errorTopic": "arn:aws:sns:eu-central-1:123456789012:failed",
    }


def test_callers_may_ask_and_read_and_nothing_else():
    endpoint, _ = run_program(program((SagemakerAsyncVllm, {})))
    assert isinstance(endpoint, SagemakerAsyncVllm)
    policy = json.loads(str(value_of(endpoint.invoke_policy)))
    actions = {action for statement in policy["Statement"] for action in statement["Action"]}
    assert actions == {
        "sagemaker:InvokeEndpointAsync",
        "s3:PutObject",
        "s3:GetObject",
        "s3:ListBucket",
        "kms:Decrypt",
        "kms:GenerateDataKey",
    }


def test_it_is_no_upstream_of_a_gateway():
    assert "upstream" not in SagemakerAsyncVllm.__annotations__


def test_a_topic_that_is_none_is_refused_by_its_name():
    with pytest.raises(SpecError, match="error_topic_arn"):
        made(error_topic_arn="failed")
