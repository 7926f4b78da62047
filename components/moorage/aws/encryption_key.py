"""Keys of AWS KMS: who may use one, and for what."""

from collections.abc import Mapping

import pulumi
from pulumi_aws import kms

from moorage.aws.account import Account
from moorage.aws.policy import Conditions, Principals, Statement, policy_document
from moorage.aws.tags import named

_USE = (
    "kms:Encrypt",
    "kms:Decrypt",
    "kms:ReEncryptFrom",
    "kms:ReEncryptTo",
    "kms:GenerateDataKey",
    "kms:GenerateDataKeyWithoutPlaintext",
    "kms:DescribeKey",
)
_GRANT = ("kms:CreateGrant", "kms:ListGrants", "kms:RetireGrant", "kms:RevokeGrant")
_ADMINISTER = (
    "kms:CancelKeyDeletion",
    "kms:DisableKey",
    "kms:DisableKeyRotation",
    "kms:EnableKey",
    "kms:EnableKeyRotation",
    "kms:GetKeyPolicy",
    "kms:GetKeyRotationStatus",
    "kms:ListKeyPolicies",
    "kms:ListKeyRotations",
    "kms:ListResourceTags",
    "kms:PutKeyPolicy",
    "kms:RotateKeyOnDemand",
    "kms:ScheduleKeyDeletion",
    "kms:TagResource",
    "kms:UntagResource",
    "kms:UpdateKeyDescription",
)
# From 7 to 30 (botocore 1.43.117, kms: ScheduleKeyDeletion).
_PROTECTED_DELETION_WINDOW_DAYS = 30
_DELETION_WINDOW_DAYS = 7


def create_key(
    name: str,
    *,
    description: str,
    tags: Mapping[str, str],
    opts: pulumi.ResourceOptions,
    policy: pulumi.Input[str] | None = None,
    deletion_protection: bool = False,
    region: str | None = None,
) -> kms.Key:
    """A symmetric key that rotates each year. Without a `policy`, the account's own policies decide who may use it.
    Without a `region`, it is in the provider's."""
    return kms.Key(
        name,
        region=region,
        description=description,
        policy=policy,
        enable_key_rotation=True,
        deletion_window_in_days=_PROTECTED_DELETION_WINDOW_DAYS if deletion_protection else _DELETION_WINDOW_DAYS,
        tags=named(name, tags),
        opts=opts,
    )


def key_policy(account: Account, *others: Statement) -> str:
    """The account administers the key and decides who else may use it; `others` may what their statement says."""
    return policy_document(
        _statement("DecidedByTheAccount", {"AWS": account.root}, (*_ADMINISTER, *_USE, *_GRANT)), *others
    )


def used_by_log_group(account: Account, region: str, log_group: str) -> Statement:
    """For one log group of CloudWatch.

    docs.aws.amazon.com/AmazonCloudWatch/latest/logs/encrypt-log-data-kms.html; the key of its condition also in
    docs.aws.amazon.com/aws-managed-policy/latest/reference/CloudWatchLogsAPIKeyAccess.html (read 2026-11-25)
    """
    arn = account.arn("logs", region, f"log-group:{log_group}")
    return _statement(
        "LogGroup",
        {"Service": f"logs.{region}.amazonaws.com"},
        _USE,
        {"ArnEquals": {"kms:EncryptionContext:aws:logs:arn": arn}},
    )


def used_by_volumes(account: Account, region: str) -> Statement:
    """For the volumes of instances, whoever of the account launches them: EKS, Auto Scaling, EC2 Spot.

    It is what AWS's own key for volumes allows (its policy auto-ebs-2, as github.com/ansible-collections/amazon.aws
    shows it at kms_key_info, read 2026-11-25). Naming the services' roles instead would need them to exist, which they
    do not in an account that has never used them.
    """
    through_ec2 = {"kms:ViaService": f"ec2.{region}.amazonaws.com", "kms:CallerAccount": account.account_id}
    return _statement("Volumes", {"AWS": "*"}, (*_USE, "kms:CreateGrant"), {"StringEquals": through_ec2})


def _statement(
    sid: str, principal: Principals, actions: tuple[str, ...], condition: Conditions | None = None
) -> Statement:
    # In a key's policy `*` is the key itself (docs.aws.amazon.com/kms/latest/developerguide/key-policy-overview.html).
    statement = Statement(Sid=sid, Effect="Allow", Principal=principal, Action=actions, Resource="*")
    if condition is not None:
        statement["Condition"] = condition
    return statement
