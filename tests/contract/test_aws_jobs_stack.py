"""The key `jobs` of stacks on AWS: what it makes, says and refuses."""

import json
from types import SimpleNamespace
from typing import Any

import pytest

from .stack_builds import ROOT, build
from .test_aws_ecs_stack import built, refused
from .test_stacks import configuration_of

MANAGED = ROOT / "stacks" / "Pulumi.aws-managed.yaml"
JOBS = {"workers": {"max": 3}}


def managed() -> SimpleNamespace:
    keys = {**configuration_of(MANAGED), "moorage:jobs": JOBS}
    del keys["moorage:edge"]  # its endpoint is the edge's, and not its balancer's
    done = build(keys)
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


def test_the_gateways_know_the_workers_key_by_its_hash_alone(stack: SimpleNamespace):
    [gateway] = json.loads(the(stack, "TaskDefinition", "gateway-task")["containerDefinitions"])
    [document] = [pair["value"] for pair in gateway["environment"] if pair["name"] == "MOORAGE_GATEWAY_DOCUMENT"]
    keys = {key["id"]: key for key in json.loads(document)["keys"]}
    assert set(keys) == {"default", "worker"}
    assert set(keys["worker"]) == {"id", "sha256"}
    assert keys["worker"]["sha256"] != keys["default"]["sha256"]


def test_workers_ask_the_gateways_through_their_balancer(stack: SimpleNamespace):
    [worker] = json.loads(the(stack, "TaskDefinition", "worker-task")["containerDefinitions"])
    address = {pair["name"]: pair["value"] for pair in worker["environment"]}["MOORAGE_JOBS_ENDPOINT"]
    assert address + "/v1" == stack.outputs["endpoint_url"]
    way_in = the(stack, "SecurityGroupIngressRule", "worker-to-balancer-in")
    assert way_in["securityGroupId"] == "balancer-balancer-id"
    assert way_in["referencedSecurityGroupId"] == "worker-tasks-group-id"


def test_a_public_balancer_lets_workers_in_by_the_address_that_they_have_outside():
    exposure = {
        "public": True,
        "hostname": "llm.example.com",
        "certificate_arn": "arn:aws:acm:us-east-1:123456789012:certificate/0a1b2c3d-0000-4000-8000-000000000000",
        "client_cidrs": ["198.51.100.0/24"],
    }
    stack = built("fargate", jobs=JOBS, load_balancer=exposure)
    rule = the(stack, "SecurityGroupIngressRule", "worker-to-balancer-in")
    assert (rule["cidrIpv4"], rule["fromPort"]) == ("203.0.113.7/32", 443)


def test_queue_dead_letters_and_workers_are_watched(stack: SimpleNamespace):
    alarms = {found["name"] for found in stack.registrations if found["type"].endswith(":MetricAlarm")}
    assert {"monitoring-job-queue-old", "monitoring-dead-letters"} <= alarms
    assert '"worker-service' in the(stack, "Dashboard", "monitoring-dashboard")["dashboardBody"]


def test_a_key_with_the_id_of_the_workers_own_is_refused():
    taken = {"settings": {"keys": [{"id": "worker", "sha256": "0" * 64}]}}
    assert 'gateway.settings.keys[0].id = "worker": is the id of the workers\' key' in refused(
        "fargate", jobs=JOBS, gateway=taken
    )


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


@pytest.mark.parametrize("name", ["aws-always-on", "gcp-always-on", "local"])
def test_a_platform_without_workers_refuses_jobs(name: str):
    done = build({**configuration_of(ROOT / "stacks" / f"Pulumi.{name}.yaml"), "moorage:jobs": JOBS})
    assert done.returncode != 0
    assert "jobs: has no meaning with " in done.stderr
