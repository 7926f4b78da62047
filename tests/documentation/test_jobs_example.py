"""The program of docs/jobs.md."""

import json

import pytest

from moorage.aws.job_queue import consumer_policy
from tests.contract.recording import Recording, arns_of, run_program

from .pages import ROOT, Page

PAGE = Page(ROOT / "docs" / "jobs.md")


@pytest.fixture(scope="module")
def made() -> Recording:
    return run_program(PAGE.program)[1]


def test_its_program_makes_two_queues_a_bucket_and_a_table(made: Recording):
    types = [found.type for found in made.registrations]
    assert types.count("aws:sqs/queue:Queue") == 2
    assert types.count("aws:s3/bucket:Bucket") == types.count("aws:dynamodb/table:Table") == 1


def test_its_workers_find_the_queue_and_the_gateways_by_their_environment(made: Recording):
    (container,) = json.loads(str(made.the("TaskDefinition").inputs["containerDefinitions"]))
    told = {pair["name"]: pair["value"] for pair in container["environment"]}
    assert told["MOORAGE_JOBS_ENDPOINT"] == "https://llm.example.com"
    assert told["MOORAGE_JOBS_QUEUE_URL"].endswith("/tickets-jobs-1a2b3c4")
    named = {name.strip(" `") for cell in PAGE.table("variable") for name in cell.split(",")}
    assert {name for name in told if name.startswith("MOORAGE_JOBS_")} <= named


def test_its_workers_role_has_the_queues_policy_and_no_more(made: Recording):
    (rights,) = (found for found in made.of_type("RolePolicy") if found.name.startswith("worker-task"))
    queue, bucket, table, key = (
        next(arn for arn in sorted(arns_of(made)) if part in arn)
        for part in (":tickets-jobs-", ":::tickets-", ":table/tickets-", ":key/tickets-")
    )
    assert json.loads(str(rights.inputs["policy"])) == json.loads(consumer_policy(queue, bucket, table, key))


def test_it_has_no_worker_while_there_are_no_jobs_and_nobody_reaches_one(made: Recording):
    target = made.the("Target").inputs
    assert (target["minCapacity"], target["maxCapacity"]) == (0, 4)
    workers = next(found for found in made.of_type("SecurityGroup") if found.name == "workers-group")
    assert "ingress" not in workers.inputs
    assert not made.of_type("SecurityGroupIngressRule")
