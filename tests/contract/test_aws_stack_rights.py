"""Every policy of whole stacks on AWS: the laws of `aws_rights`, nothing outside of the stack, and what each workload
calls."""

import json
from collections.abc import Iterator, Mapping
from functools import cache
from types import SimpleNamespace
from typing import Any

import pytest

from moorage.aws.job_queue import consumer_policy
from moorage.aws.managed import invoke_policy
from moorage.aws.rotated_key import read_policy
from moorage.aws.sagemaker_image import image_accounts

from .aws_answers import ACCOUNT_ID
from .aws_rights import Written, every_law, no_policy_hides_in_another_property, statements_of
from .recording import PROJECT, STACK, Registration
from .stack_builds import ROOT, build
from .test_stacks import configuration_of

pytestmark = pytest.mark.long

CLUSTER = f"{PROJECT}-{STACK}"
JOBS = {"moorage:jobs": {"workers": {"max": 2}}}
EDGE = {
    "moorage:load_balancer": {
        "hostname": "origin.llm.example.com",
        "certificate_arn": f"arn:aws:acm:us-east-1:{ACCOUNT_ID}:certificate/origin",
    },
    "moorage:edge": {"enabled": True},
}
STACKS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "EKS": ("aws-always-on", {}),
    "EKS with a bucket's key": (
        "aws-always-on",
        {"moorage:aws": {"model_key_arn": f"arn:aws:kms:us-east-1:{ACCOUNT_ID}:key/k"}},
    ),
    "failover": ("aws-failover", {}),
    "ECS with jobs": ("aws-ecs", JOBS),
    "Fargate with jobs and an edge": ("aws-fargate-cpu", {**JOBS, **EDGE}),
    "Fargate with a rotated key": ("aws-fargate-cpu", {"moorage:aws": {"key_rotation_days": 30}}),
    "SageMaker with an edge": ("aws-managed", {}),
    "SageMaker with jobs": ("aws-managed", {**JOBS, "moorage:edge": ...}),
    "Lambda": ("aws-serverless", {}),
    "Lambda with jobs": ("aws-serverless", JOBS),
}
"""A file, and its keys that are different: a group's are merged into it, `...` leaves one out."""
WITH_JOBS = [name for name in STACKS if "jobs" in name]
every_stack = pytest.mark.parametrize("name", STACKS)


class Built(SimpleNamespace):
    """What one run of the program has asked for."""

    configuration: Mapping[str, Any]
    arns: list[str]
    registrations: list[Registration]

    @property
    def region(self) -> str:
        return self.configuration["moorage:aws"]["region"]

    def rights(self, owner: str) -> dict[str, set[str]]:
        """The actions of all roles whose name begins with this, each with what it may be done with."""
        found: dict[str, set[str]] = {}
        for statement in rights_of(self):
            if statement.owner.startswith(owner):
                for action in statement.actions:
                    found.setdefault(action, set()).update(statement.resources)
        return found

    def arn(self, part: str) -> str:
        """The only one with this part."""
        (found,) = [arn for arn in self.arns if part in arn]
        return found


@cache
def built(name: str) -> Built:
    file, changes = STACKS[name]
    keys = configuration_of(ROOT / "stacks" / f"Pulumi.{file}.yaml")
    for key, value in changes.items():
        keys[key] = {**keys.get(key, {}), **value} if isinstance(value, dict) else value
    keys = {key: value for key, value in keys.items() if value is not ...}
    done = build(keys)
    assert done.returncode == 0, done.stderr
    made = json.loads(done.stdout)
    registrations = [Registration(**registration) for registration in made["registrations"]]
    return Built(configuration=keys, arns=made["arns"], registrations=registrations)


def rights_of(stack: Built) -> Iterator[Written]:
    """What roles may do with something in particular."""
    for found in statements_of(stack.registrations):
        if found.kind == "role" and found.allows and found.is_bound_to_a_resource:
            yield found


def rights(*policies: str) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for statement in (statement for policy in policies for statement in json.loads(policy)["Statement"]):
        for action in statement["Action"]:
            found.setdefault(action, set()).update(statement["Resource"])
    return found


@every_law
@every_stack
def test_every_statement_keeps_every_law(law: Any, name: str):
    for found in statements_of(built(name).registrations):
        law(found)


@every_stack
def test_no_policy_hides_in_another_property(name: str):
    no_policy_hides_in_another_property(built(name).registrations)


@every_stack
def test_a_role_may_do_nothing_with_what_is_neither_the_stacks_nor_named_in_its_file(name: str):
    stack = built(name)
    found = list(rights_of(stack))
    assert found
    for right in found:
        for resource in right.resources:
            # What does not exist yet has no name: Auto Mode's, under the tag of its own cluster.
            if "aws:RequestTag/eks:eks-cluster-name" in right.condition_keys:
                assert right.statement["Condition"]["StringEquals"]["aws:RequestTag/eks:eks-cluster-name"] == CLUSTER
            else:
                assert is_the_stacks(resource, stack) or is_named_in(stack.configuration, resource), right.owner


def is_the_stacks(resource: str, stack: Built) -> bool:
    # docs.aws.amazon.com/AmazonECS/latest/developerguide/security_iam_id-based-policy-examples.html (read 2026-11-26):
    # an instance of a cluster has the cluster's name in its ARN.
    cluster = resource.replace(":container-instance/", ":cluster/")
    return any(cluster == arn or cluster.startswith((f"{arn}/", f"{arn}:")) for arn in stack.arns)


def is_named_in(configuration: Mapping[str, Any], resource: str) -> bool:
    """The buckets of models and their key, and the repositories of images, AWS's own for SageMaker among them."""
    _, _, service, region, account, rest = resource.split(":", 5)
    said = json.dumps(configuration)
    if service == "s3":
        return f"s3://{rest.partition('/')[0]}/" in said
    if service == "ecr":
        repository = rest.removeprefix("repository/")
        return f"{account}.dkr.ecr.{region}.amazonaws.com/{repository}@" in said or account == image_accounts()[region]
    return resource in said


@pytest.mark.parametrize("name", WITH_JOBS)
def test_workers_may_do_what_they_call_and_no_more(name: str):
    """`consumer_policy` is what they call: tests/jobs/test_rights.py has watched them."""
    stack = built(name)
    queue, table, key = (stack.arn(part) for part in (":jobs-jobs-", ":table/jobs-", ":key/jobs-"))
    called = rights(consumer_policy(queue, stack.arn(":::jobs-"), table, key))
    if "Lambda" in name:  # docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html (read 2026-11-25)
        called["sqs:GetQueueAttributes"] = {queue}
    owned = {service: set() for service in ("sqs", "s3", "dynamodb", "kms")}
    for action, resources in stack.rights("worker-").items():
        if action.partition(":")[0] in owned:
            owned[action.partition(":")[0]].add(action)
            assert resources - {stack.arn(":key/worker-")} == called[action], action
    assert set().union(*owned.values()) == set(called)


@pytest.mark.parametrize("name", ["SageMaker with an edge", "SageMaker with jobs", "failover"])
def test_gateways_may_call_the_endpoint_in_its_own_region_and_no_more(name: str):
    """tests/gateway/sagemaker/test_failover_identity.py has watched them."""
    stack = built(name)
    region = stack.configuration.get("moorage:failover", {}).get("region", stack.region)
    endpoint = stack.arn(":endpoint/")
    assert endpoint.startswith(f"arn:aws:sagemaker:{region}:")
    assert stack.rights("gateway-identity" if name == "failover" else "gateway-task") == rights(invoke_policy(endpoint))


@pytest.mark.parametrize("name", ["EKS", "ECS with jobs", "Fargate with jobs and an edge"])
def test_gateways_that_call_nothing_of_aws_may_do_nothing(name: str):
    assert built(name).rights("gateway-task") == built(name).rights("gateway-identity") == {}


def test_gateways_with_a_rotated_key_may_read_it_and_no_more():
    stack = built("Fargate with a rotated key")
    policy = read_policy(stack.arn(":secret:gateway-key-"), stack.arn(":key/gateway-key-"))
    assert stack.rights("gateway-task") == rights(policy)
