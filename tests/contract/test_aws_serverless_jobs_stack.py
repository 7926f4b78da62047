"""The key `jobs` of a stack whose model is in a function: what does them, what it says and refuses."""

import json
from types import SimpleNamespace

import pytest

from .stack_builds import build
from .test_aws_serverless_stack import built, changed, the


@pytest.fixture(scope="module")
def stack() -> SimpleNamespace:
    return built(jobs={"workers": {"max": 4}})


def test_a_second_function_of_the_same_image_and_size_does_them(stack: SimpleNamespace):
    requests, jobs = the(stack, "Function", "engine-function"), the(stack, "Function", "worker-jobs")
    assert (jobs["imageUri"], jobs["memorySize"]) == (requests["imageUri"], requests["memorySize"])
    assert jobs["reservedConcurrentExecutions"] == 4
    assert the(stack, "EventSourceMapping")["scalingConfig"] == {"maximumConcurrency": 4}


def test_the_queue_hides_its_messages_six_times_as_long_as_the_function_may_run(stack: SimpleNamespace):
    timeout = the(stack, "Function", "worker-jobs")["timeout"]
    assert the(stack, "Queue", "jobs-jobs")["visibilityTimeoutSeconds"] == 6 * timeout


def test_whoever_submits_jobs_finds_all_that_it_takes_in_one_output(stack: SimpleNamespace):
    assert set(stack.plain_outputs["jobs"]) == {"queue_url", "bucket", "table", "region", "producer_policy", "try_it"}


def test_its_queue_and_table_may_be_deleted_where_the_file_says_so(stack: SimpleNamespace):
    unguarded = built(jobs={"workers": {"max": 4}}, aws={"deletion_protection": False})
    assert the(stack, "Table")["deletionProtectionEnabled"] is True
    assert the(unguarded, "Table")["deletionProtectionEnabled"] is False


def test_somebody_hears_of_jobs_that_wait_and_of_dead_letters(stack: SimpleNamespace):
    watched = [json.dumps(found["inputs"]) for found in stack.registrations if found["type"].endswith(":MetricAlarm")]
    assert [text for text in watched if "AWS/SQS" in text]


def test_its_cost_has_two_keys_more(stack: SimpleNamespace):
    assert "four keys" in stack.plain_outputs["estimated_cost"]["note"]


@pytest.mark.parametrize(
    ("workers", "message"),
    [
        ({"max": 1}, "jobs.workers.max = 1: must be"),
        ({"max": 1_001}, "jobs.workers.max = 1001: must be"),
        ({"min": 0, "max": 4}, "jobs.workers.min = 0: no function runs while there are no jobs; remove it"),
    ],
)
def test_numbers_that_lambda_does_not_take_are_refused(workers: dict[str, int], message: str):
    done = build(changed(jobs={"workers": workers}))
    assert done.returncode != 0
    assert message in done.stderr
