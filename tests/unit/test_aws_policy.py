"""Policy documents of IAM: what counts as a wildcard."""

import json

import pytest

from moorage.aws.policy import allow, policy_document, trust, without_wildcards

BUCKET = "arn:aws:s3:::models"


@pytest.mark.parametrize(
    ("actions", "resources"),
    [
        (["s3:GetObject"], [f"{BUCKET}/*"]),
        (["logs:PutLogEvents"], ["arn:aws:logs:eu-central-1:123456789012:log-group:flow:*"]),
        (["kms:Decrypt"], ["arn:aws:kms:eu-central-1:123456789012:key/1"]),
    ],
)
def test_named_actions_on_what_is_inside_a_named_resource_pass(actions: list[str], resources: list[str]):
    document = policy_document(allow("Read", actions, resources))
    assert without_wildcards(document) == document


@pytest.mark.parametrize("action", ["*", "s3:*", "s3:Get*", "s3:GetObjec?"])
def test_an_action_with_a_wildcard_is_refused(action: str):
    with pytest.raises(ValueError, match="must name its actions and resources"):
        without_wildcards(policy_document(allow("Read", [action], [BUCKET])))


@pytest.mark.parametrize(
    "resource", ["*", "arn:aws:s3:::*", "arn:aws:s3:::*/*", "arn:aws:s3:::model?", "arn:*:s3:::models"]
)
def test_a_resource_that_is_not_inside_a_named_one_is_refused(resource: str):
    with pytest.raises(ValueError, match="must name its actions and resources"):
        without_wildcards(policy_document(allow("Read", ["s3:GetObject"], [resource])))


@pytest.mark.parametrize("key", ["NotAction", "NotResource"])
def test_everything_but_is_refused(key: str):
    statement = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": BUCKET, key: "iam:PassRole"}
    with pytest.raises(ValueError, match=key):
        without_wildcards(json.dumps({"Statement": statement}))


def test_a_denial_may_be_of_everything():
    document = json.dumps({"Statement": [{"Effect": "Deny", "Action": "*", "Resource": "*"}]})
    assert without_wildcards(document) == document


def test_a_service_takes_a_role_under_its_conditions():
    document = json.loads(trust("pods.eks.amazonaws.com", condition={"StringEquals": {"aws:RequestTag/a": "b"}}))
    (statement,) = document["Statement"]
    assert statement["Principal"] == {"Service": "pods.eks.amazonaws.com"}
    assert statement["Condition"] == {"StringEquals": {"aws:RequestTag/a": "b"}}


@pytest.mark.parametrize("resource", ["${bucket.arn}", "${bucket.arn}/*"])
def test_what_stands_for_an_arn_may_be_one_named_thing_or_inside_it(resource: str):
    document = policy_document(allow("Read", ["s3:GetObject"], [resource]))
    assert without_wildcards(document) == document
