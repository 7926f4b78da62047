"""The function that does jobs: who calls it, with how much at once, for how long, and what it may do."""

import json
from typing import Any

import botocore.session
import pytest

from moorage.aws.job_function import LambdaJobWorker
from moorage.spec import SpecError
from moorage_serving.gateway.config.gateway import GatewayConfig

from .aws_answers import ACCOUNT_ID, REGION
from .aws_example_values import QUEUE_ARN
from .aws_examples import AWS_EXAMPLES
from .aws_programs import VARIANTS, program
from .recording import Recording, run_program


def recorded(variant: str = "function that does jobs", **changes: object) -> Recording:
    return run_program(program(VARIANTS[variant], **changes))[1]


def trigger_of(recording: Recording) -> dict[str, Any]:
    return recording.the("EventSourceMapping").inputs


def function_of(recording: Recording) -> dict[str, Any]:
    return recording.the("Function").inputs


def allowed(policy: str) -> set[tuple[str, str]]:
    return {
        (action, resource)
        for statement in json.loads(policy)["Statement"]
        for action in statement["Action"]
        for resource in statement["Resource"]
    }


def test_lambda_hands_over_what_is_in_the_queue_and_hears_of_each_message_by_itself():
    trigger = trigger_of(recorded())
    function = f"arn:aws:lambda:{REGION}:{ACCOUNT_ID}:function:harbour-jobs-1a2b3c4"
    assert (trigger["eventSourceArn"], trigger["functionName"]) == (QUEUE_ARN, function)
    assert trigger["functionResponseTypes"] == ["ReportBatchItemFailures"]
    assert trigger["batchSize"] == 4


def test_no_more_is_called_at_once_than_the_function_has_a_place_for():
    for variant, most in (("function that does jobs", 5), ("function that does one job at a time", 2)):
        recording = recorded(variant)
        assert trigger_of(recording)["scalingConfig"] == {"maximumConcurrency": most}
        assert function_of(recording)["reservedConcurrentExecutions"] == most


def test_one_job_is_handed_over_where_nobody_says_more():
    assert trigger_of(recorded("function that does one job at a time"))["batchSize"] == 1


def test_what_lambda_is_given_is_within_its_own_models_limits():
    shape = botocore.session.get_session().get_service_model("lambda").operation_model("CreateEventSourceMapping")
    concurrency = shape.input_shape.members["ScalingConfig"].members["MaximumConcurrency"].metadata
    for most in (concurrency["min"], concurrency["max"]):
        assert trigger_of(recorded(max_concurrency=most))["scalingConfig"] == {"maximumConcurrency": most}
    for most in (concurrency["min"] - 1, concurrency["max"] + 1):
        with pytest.raises(SpecError, match=f"max_concurrency = {most}: must be"):
            recorded(max_concurrency=most)


def test_its_answers_are_whole_and_it_finds_its_queue():
    variables = function_of(recorded())["environment"]["variables"]
    assert variables["AWS_LWA_INVOKE_MODE"] == "buffered"
    assert variables["MOORAGE_JOBS_QUEUE_URL"] == f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT_ID}/jobs"
    assert variables["MOORAGE_JOBS_BUCKET"] == "jobs-results-1a2b3c4"
    assert variables["MOORAGE_JOBS_TABLE"] == "jobs-done-1a2b3c4"
    assert variables["MOORAGE_JOBS_RECORD_DAYS"] == "30"


def test_the_gateway_takes_its_document():
    config = GatewayConfig.model_validate_json(
        function_of(recorded())["environment"]["variables"]["MOORAGE_GATEWAY_DOCUMENT"]
    )
    assert (config.authentication, config.keys) == ("none", ())


def test_it_may_run_for_a_start_and_twice_as_long_as_its_batch():
    one, four = (function_of(recorded(batch_size=size))["timeout"] for size in (1, 4))
    assert four - one == 2 * 3 * 30


def test_its_role_has_the_workers_rights_and_what_the_poller_asks_for():
    [policy] = [found.inputs["policy"] for found in recorded().of_type("RolePolicy") if "queue" in found.name]
    rights, worker = allowed(policy), allowed(str(AWS_EXAMPLES[LambdaJobWorker]["consumer_policy"]))
    assert {action for action, resource in rights if resource == QUEUE_ARN} == {
        "sqs:ChangeMessageVisibility",
        "sqs:DeleteMessage",
        "sqs:GetQueueAttributes",
        "sqs:ReceiveMessage",
    }
    assert rights == worker | {("sqs:GetQueueAttributes", QUEUE_ARN)}


def test_a_queue_that_hides_its_messages_too_short_is_refused_with_the_numbers():
    timeout = int(function_of(recorded())["timeout"])
    least = 6 * timeout
    assert trigger_of(recorded(visibility_seconds=least))
    message = (
        f"visibility_seconds = {least - 1}: the function's timeout is {timeout} seconds and a queue has to hide its "
        f"messages for 6 times as long; must be at least {least}"
    )
    with pytest.raises(SpecError, match=message):
        recorded(visibility_seconds=least - 1)


def test_a_batch_that_takes_longer_than_a_function_may_is_refused_with_the_numbers():
    with pytest.raises(SpecError, match=r"batch_size = 10: with a start of about \d+ seconds, .* at most 4"):
        recorded(batch_size=10, service_level={"p99_request_seconds": 200.0}, visibility_seconds=5_400)


def test_what_a_model_needs_is_checked_as_for_requests():
    with pytest.raises(SpecError, match=r"image = docker\.io/library/python"):
        recorded(image=f"docker.io/library/python@sha256:{'0' * 64}")
