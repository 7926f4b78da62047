"""Whole stacks on AWS: names for the longest name of a stack, and what other tags or another run change."""

import json
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from .recording import STACK
from .stack_builds import ROOT, build
from .test_aws_names import LIMITS, PULUMIS_SUFFIX, limit_of
from .test_aws_tags import without_tags
from .test_stacks import configuration_of

LONGEST = f"harbour.{'h' * 46}_{'h' * 45}"
"""As long as Pulumi lets a stack's name be, with all that it lets be in it (github.com/pulumi/pulumi,
sdk/go/common/tokens/names.go; read 2026-11-25)."""
OF_STACKS = {
    "aws:sagemaker/endpoint:Endpoint": ("name", limit_of("sagemaker", "EndpointName")),
    "aws:sagemaker/endpointConfiguration:EndpointConfiguration": ("name", limit_of("sagemaker", "EndpointConfigName")),
    "aws:sagemaker/model:Model": ("name", limit_of("sagemaker", "ModelName")),
    "aws:secretsmanager/secret:Secret": ("name", limit_of("secretsmanager", "NameType")),
    "aws:appautoscaling/policy:Policy": ("name", limit_of("application-autoscaling", "PolicyName")),
    "aws:lambda/alias:Alias": ("name", limit_of("lambda", "Alias")),
    **LIMITS,
}
OF_ACCOUNTS = {
    "aws:cloudwatch/logDeliveryDestination:LogDeliveryDestination": "name",
    "aws:cloudwatch/logDeliverySource:LogDeliverySource": "name",
    "aws:cloudwatch/logResourcePolicy:LogResourcePolicy": "policyName",
    "aws:elasticache/user:User": "userId",
    "aws:elasticache/userGroup:UserGroup": "userGroupId",
    **{kind: key for kind, (key, _) in OF_STACKS.items()},
}
"""By type: the name that an account has once in a region."""
INSIDE = ("aws:iam/rolePolicy:RolePolicy", "aws:lambda/alias:Alias", "aws:servicediscovery/")
"""Named within a role, a function or a network of the stack's own."""
IS_ENDED = re.compile(r"-1a2b3c4\b|-id$")
"""As the mocks do it."""
PATHS = [path for path in sorted((ROOT / "stacks").glob("*.yaml")) if configuration_of(path)["moorage:cloud"] == "aws"]
every_stack = pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem.removeprefix("Pulumi."))


def built(path: Path, *, stack: str = STACK, **aws: object) -> SimpleNamespace:
    keys = configuration_of(path)
    done = build({**keys, "moorage:aws": {**keys["moorage:aws"], **aws}}, stack)
    assert done.returncode == 0, done.stderr
    return SimpleNamespace(**json.loads(done.stdout))


def inputs_of(stack: SimpleNamespace) -> dict[str, Any]:
    """By URN, of what AWS is asked for."""
    made = [found for found in stack.registrations if found["type"].startswith("aws:")]
    return {found["urn"]: without_tags(found["inputs"]) for found in made}


@every_stack
def test_no_name_is_too_long_for_the_longest_name_of_a_stack(path: Path):
    named = [found for found in built(path, stack=LONGEST).registrations if found["type"] in OF_STACKS]
    assert named
    for found in named:
        key, limit = OF_STACKS[found["type"]]
        length = len(found["inputs"].get(key) or "h" * (len(found["name"]) + PULUMIS_SUFFIX))
        assert length <= limit, found["name"]


@pytest.mark.long
@every_stack
def test_two_stacks_of_one_account_and_region_give_nothing_the_same_name(path: Path):
    one, other = (names_of(built(path, stack=stack)) for stack in ("production", "staging"))
    assert one & other == set()


def names_of(stack: SimpleNamespace) -> set[tuple[str, str]]:
    """Those that are given, but for what AWS or Pulumi has ended for this stack alone."""
    given = [(found["type"], found["inputs"].get(OF_ACCOUNTS.get(found["type"]))) for found in stack.registrations]
    return {(kind, name) for kind, name in given if name and not kind.startswith(INSIDE) and not IS_ENDED.search(name)}


def test_endpoints_of_stacks_with_long_names_are_told_apart():
    path = ROOT / "stacks" / "Pulumi.aws-managed.yaml"
    one, other = (endpoint_name(built(path, stack=f"{LONGEST[:-1]}{last}")) for last in "ab")
    assert one != other


def endpoint_name(stack: SimpleNamespace) -> str:
    (found,) = (found for found in stack.registrations if found["type"] == "aws:sagemaker/endpoint:Endpoint")
    return found["inputs"]["name"]


@every_stack
def test_other_tags_change_nothing_else_so_that_nothing_can_be_replaced(path: Path):
    """Two runs, so that what changes by itself is seen as well."""
    before, after = inputs_of(built(path)), inputs_of(built(path, tags={"team": "harbour"}))
    assert before == after


@pytest.mark.parametrize("name", ["aws-always-on", "aws-failover"])
def test_the_preview_of_a_cluster_names_the_quotas_that_its_pool_needs(name: str):
    said = "\n".join(built(ROOT / "stacks" / f"Pulumi.{name}.yaml").logged)
    assert "vCPUs of quota L-DB2E81BA" in said
