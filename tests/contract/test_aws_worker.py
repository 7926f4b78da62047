"""What ECS, IAM and the autoscaler are told of workers on AWS."""

import json
from typing import Any

import botocore.session
import pytest
from botocore.validate import ParamValidator

from .aws_answers import REGION
from .aws_examples import AWS_EXAMPLES
from .aws_programs import VARIANTS, program
from .recording import Recording, run_program

EXAMPLE = AWS_EXAMPLES[VARIANTS["workers"][0]]


@pytest.fixture(scope="module")
def workers() -> Recording:
    return run_program(program(VARIANTS["workers"]))[1]


@pytest.fixture(scope="module")
def workers_or_none() -> Recording:
    return run_program(program(VARIANTS["workers, or none"]))[1]


def container(recording: Recording) -> dict[str, Any]:
    [only] = json.loads(recording.the("TaskDefinition").inputs["containerDefinitions"])
    return only


def policy(recording: Recording, name: str) -> Any:
    [found] = [found for found in recording.of_type("RolePolicy") if found.name == name]
    return json.loads(found.inputs["policy"])["Statement"]


def tracked(recording: Recording) -> dict[str, Any]:
    [found] = [
        found.inputs for found in recording.of_type("Policy") if found.inputs["policyType"] == "TargetTrackingScaling"
    ]
    return found["targetTrackingScalingPolicyConfiguration"]


def test_the_container_is_one_that_registertaskdefinition_takes(workers: Recording):
    model = botocore.session.get_session().get_service_model("ecs")
    shape = model.operation_model("RegisterTaskDefinition").input_shape
    assert shape is not None
    request = {"family": "harbour", "containerDefinitions": [container(workers)]}
    assert not ParamValidator().validate(request, shape).has_errors()


def test_its_root_is_read_only_and_its_user_is_not_root(workers: Recording):
    inside = container(workers)
    assert (inside["readonlyRootFilesystem"], inside["user"]) == (True, "10001:10001")


def test_it_works_with_its_key_out_of_secrets_manager_alone(workers: Recording):
    inside = container(workers)
    [secret] = inside["secrets"]
    assert secret["name"] == "MOORAGE_API_KEY"
    assert secret["valueFrom"].startswith(f"arn:aws:secretsmanager:{REGION}:")
    assert {pair["name"] for pair in inside["environment"]} == {
        "AWS_DEFAULT_REGION",
        "MOORAGE_JOBS_BUCKET",
        "MOORAGE_JOBS_ENDPOINT",
        "MOORAGE_JOBS_QUEUE_URL",
        "MOORAGE_JOBS_RECORD_DAYS",
        "MOORAGE_JOBS_TABLE",
    }
    assert "plaintext" not in workers.the("TaskDefinition").inputs["containerDefinitions"]


def test_it_may_do_what_the_queues_policy_says_and_nothing_else(workers: Recording):
    assert policy(workers, "harbour-task-0-policy") == json.loads(str(EXAMPLE["consumer_policy"]))["Statement"]
    of_task = [found for found in workers.of_type("RolePolicy") if "-task-" in found.name]
    assert len(of_task) == 1


@pytest.mark.parametrize(("p99_seconds", "drain", "stop"), [(30.0, 30, 50), (100.0, 100, 120), (900.0, 100, 120)])
def test_it_is_killed_only_after_it_has_given_back_what_it_has(p99_seconds: float, drain: int, stop: int):
    changed = program(VARIANTS["workers"], service_level={"p99_request_seconds": p99_seconds})
    inside = container(run_program(changed)[1])
    assert inside["command"][inside["command"].index("--drain-seconds") + 1] == str(drain)
    assert inside["stopTimeout"] == stop


def test_their_number_follows_the_jobs_for_each_of_them(workers: Recording):
    configuration = tracked(workers)
    metrics = {metric["id"]: metric for metric in configuration["customizedMetricSpecification"]["metrics"]}
    assert configuration["targetValue"] == 2 * int(str(EXAMPLE["concurrency"]))
    assert [name for name, metric in metrics.items() if metric["returnData"]] == ["backlog"]
    assert metrics["backlog"]["expression"] == "(waiting + held) / IF(FILL(workers, 0) < 1, 1, workers)"
    queue = {found["metricStat"]["metric"]["metricName"] for found in (metrics["waiting"], metrics["held"])}
    assert queue == {"ApproximateNumberOfMessagesVisible", "ApproximateNumberOfMessagesNotVisible"}
    target = workers.the("Target").inputs
    assert (target["minCapacity"], target["maxCapacity"]) == (1, 6)


def test_where_there_may_be_none_the_first_job_starts_one(workers: Recording, workers_or_none: Recording):
    assert not workers.of_type("MetricAlarm")
    [alarm] = workers_or_none.of_type("MetricAlarm")
    assert alarm.inputs["metricQueries"][-1]["expression"] == "IF(FILL(workers, 0) < 1, waiting, 0)"
    assert workers_or_none.the("Target").inputs["minCapacity"] == 0


def test_what_they_may_is_there_before_them_and_after_them(workers: Recording):
    policies = {found.urn for found in workers.of_type("RolePolicy")}
    assert policies <= set(workers.the("Service").dependencies)
