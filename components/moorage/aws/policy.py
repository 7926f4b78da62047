"""Policy documents of AWS IAM, with named actions and resources."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, NotRequired, TypedDict, cast

from moorage.aws.account import Account

# arn:partition:service:region:account:resource (docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html)
_ARN_COLONS = 5

Conditions = Mapping[str, Mapping[str, str | Sequence[str]]]
Principals = Mapping[str, str | Sequence[str]]


class Statement(TypedDict):
    """With IAM's own keys (docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements.html)."""

    Sid: str
    Effect: str
    Principal: NotRequired[str | Principals]
    Action: Sequence[str]
    Resource: NotRequired[str | Sequence[str]]
    Condition: NotRequired[Conditions]


def policy_document(*statements: Statement) -> str:
    """The statements as JSON."""
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def allow(sid: str, actions: Sequence[str], resources: Sequence[str], condition: Conditions | None = None) -> Statement:
    """A statement of a policy that belongs to a role."""
    statement = Statement(Sid=sid, Effect="Allow", Action=actions, Resource=resources)
    if condition is not None:
        statement["Condition"] = condition
    return statement


def trust(service: str, actions: Sequence[str] = ("sts:AssumeRole",), condition: Conditions | None = None) -> str:
    """The policy by which an AWS service may take a role."""
    statement = Statement(Sid="TakeRole", Effect="Allow", Principal={"Service": service}, Action=actions)
    if condition is not None:
        statement["Condition"] = condition
    return policy_document(statement)


def trusted_in(account: Account, service: str) -> str:
    """The policy by which a service may take a role, for what this account has asked of it."""
    return trust(service, condition={"StringEquals": {"aws:SourceAccount": account.account_id}})


def pod_identity_trust(cluster_arn: str, namespace: str, service_account: str) -> str:
    """The policy by which the pods of one service account may take a role: by the session tags of Pod Identity.

    docs.aws.amazon.com/eks/latest/userguide/pod-id-role.html (read 2026-11-25)
    """
    session = {
        "aws:RequestTag/eks-cluster-arn": cluster_arn,
        "aws:RequestTag/kubernetes-namespace": namespace,
        "aws:RequestTag/kubernetes-service-account": service_account,
    }
    return trust("pods.eks.amazonaws.com", ("sts:AssumeRole", "sts:TagSession"), {"StringEquals": session})


def merged(*documents: str) -> str:
    """One policy document with the statements of all."""
    statements = [statement for document in documents for statement in _statements(document)]
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def without_wildcards(document: str) -> str:
    """The policy document itself, for a role.

    An ARN may end in `/*` or `:*`, for all objects of one bucket or all streams of one log group.

    Raises:
        ValueError: names each action with a wildcard, and each resource that is not one named thing or inside one.
    """
    found = [problem for statement in _statements(document) for problem in _wildcards(statement)]
    if found:
        raise ValueError(f"a policy must name its actions and resources: {', '.join(found)}")
    return document


def _statements(document: str) -> Sequence[Mapping[str, Any]]:
    statements = json.loads(document)["Statement"]
    return cast("list[Mapping[str, Any]]", statements if isinstance(statements, list) else [statements])


def _wildcards(statement: Mapping[str, Any]) -> list[str]:
    if statement["Effect"] != "Allow":
        return []
    inverted = [key for key in ("NotAction", "NotResource") if key in statement]
    actions = [action for action in _texts(statement.get("Action", [])) if "*" in action or "?" in action]
    resources = [resource for resource in _texts(statement.get("Resource", [])) if not _is_inside_a_named_one(resource)]
    return [*inverted, *actions, *resources]


def _is_inside_a_named_one(arn: str) -> bool:
    """`arn:aws:s3:::models/*` is, and `arn:aws:ec2:eu-central-1:123456789012:instance/*`, which are all, is not."""
    named = arn.removesuffix("/*").removesuffix(":*")
    if "*" in named or "?" in named:
        return False
    parts = named.split(":", _ARN_COLONS)
    if len(parts) <= _ARN_COLONS:
        # What stands for an ARN that is not known yet; AWS itself refuses what is none.
        return bool(named) and not named.startswith("arn:")
    service, resource = parts[2], parts[-1]
    return bool(resource) and (named == arn or service == "s3" or "/" in resource or ":" in resource)


def _texts(value: object) -> list[str]:
    return [value] if isinstance(value, str) else list(cast("list[str]", value))
