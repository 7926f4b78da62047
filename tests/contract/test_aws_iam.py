"""Every policy that a component for AWS writes keeps the laws of `aws_rights`, and what is said of pods besides."""

import gc
from functools import cache
from typing import Any

import pytest

from moorage.aws.policy import allow, policy_document

from .aws_answers import REGION
from .aws_programs import VARIANTS, every_variant, program
from .aws_rights import KINDS, Written, every_law, no_policy_hides_in_another_property, statements_of
from .recording import run_program


@cache
def written() -> list[Written]:
    return [
        found
        for variant in VARIANTS.values()
        for found in statements_of(run_program(program(variant))[1].registrations)
    ]


def allowed(kind: str) -> list[Written]:
    return [found for found in written() if found.allows and found.kind == kind]


def test_there_are_policies_of_every_kind():
    assert {found.kind for found in written()} == set(KINDS.values())


@every_law
def test_every_statement_keeps_every_law(law: Any):
    for found in written():
        law(found)


@every_variant
def test_no_policy_hides_in_another_property(variant: Any):
    no_policy_hides_in_another_property(run_program(program(variant))[1].registrations)


def test_a_right_is_in_its_components_own_region():
    rights = [found for found in allowed("role") if found.is_bound_to_a_resource]
    regions = {resource.split(":")[3] for found in rights for resource in found.resources}
    assert regions == {REGION, ""}


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
    # Now, and not in the middle of some `ast.parse`, which does not bear the tracebacks that are logged for the futures
    # that nobody asks (github.com/python/cpython/issues/106905).
    gc.collect()
