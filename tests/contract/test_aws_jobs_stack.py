"""The key `jobs` of stacks on AWS: what it makes, says and refuses."""

import json
from types import SimpleNamespace
from typing import Any

import pytest

from .test_aws_ecs_stack import built, refused
from .test_stacks import ROOT, build, configuration_of

MANAGED = ROOT / "stacks" / "Pulumi.aws-managed.yaml"
JOBS = {"workers": {"max": 3}}


def managed() -> SimpleNamespace:
    done = build({**configuration_of(MANAGED), "moorage:jobs": JOBS})
    assert done.returncode == 0, done.stderr
    return SimpleNamespace(**json.loads(done.stdout))


@pytest.fixture(scope="module", params=["ecs", "fargate", "sagemaker"])
def stack(request: pytest.FixtureRequest) -> SimpleNamespace:
    return managed() if request.param == "sagemaker" else built(request.param, jobs=JOBS)


def the(stack: SimpleNamespace, suffix: str, name: str) -> dict[str, Any]:
    [found] = [
        found["inputs"]
        for found in stack.registrations
        if found["type"].endswith(f":{suffix}") and found["name"] == name
    ]
    return found


def test_whoever_submits_jobs_finds_all_that_it_takes_in_one_output(stack: SimpleNamespace):
    jobs = stack.plain_outputs["jobs"]
    assert set(jobs) == {"queue_url", "bucket", "table", "region", "producer_policy", "try_it"}


def test_without_the_key_there_is_no_queue_and_no_output():
    keys = {name: value for name, value in configuration_of(MANAGED).items() if name != "moorage:jobs"}
    stack = SimpleNamespace(**json.loads(build(keys).stdout))
    assert "jobs" not in {**stack.outputs, **stack.plain_outputs}
    assert not [found for found in stack.registrations if found["type"].endswith(":SqsJobQueue")]


@pytest.mark.parametrize(
    ("jobs", "message"),
    [
        ({"workers": {"min": 5, "max": 4}}, "jobs.workers.max = 4: must be at least min = 5"),
        ({"workers": {"min": -1, "max": 4}}, "jobs.workers.min = -1"),
        ({"workers": {}}, "jobs.workers.max"),
        ({"workers": {"max": 4, "mid": 2}}, "jobs.workers.mid"),
    ],
)
def test_numbers_that_make_no_sense_are_refused(jobs: dict[str, object], message: str):
    assert message in refused("fargate", jobs=jobs)


@pytest.mark.parametrize("name", ["aws-always-on", "aws-serverless", "gcp-always-on", "local"])
def test_a_platform_without_workers_refuses_jobs(name: str):
    done = build({**configuration_of(ROOT / "stacks" / f"Pulumi.{name}.yaml"), "moorage:jobs": JOBS})
    assert done.returncode != 0
    assert "jobs: has no meaning with " in done.stderr
