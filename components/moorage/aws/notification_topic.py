"""Where alarms and budgets go, and from there whoever is on call."""

import pulumi
from pulumi_aws import sns

from moorage.aws.account import Account, account_of
from moorage.aws.encryption_key import create_key, key_policy
from moorage.aws.monitoring_spec import CloudWatchMonitoringSpec
from moorage.aws.policy import Conditions, Statement, policy_document
from moorage.aws.tags import named

# As docs.aws.amazon.com/sns/latest/dg/sns-key-management.html#compatibility-with-aws-services has it (read 2026-11-25).
_USE_KEY = ("kms:Decrypt", "kms:GenerateDataKey")


def create_topic(
    name: str, spec: CloudWatchMonitoringSpec, account_id: pulumi.Input[str], opts: pulumi.ResourceOptions
) -> tuple[sns.Topic, sns.TopicPolicy]:
    """Encrypted with a key of its own: those that AWS keeps let no other service publish.

    What publishes to it depends on the policy.
    """
    account = account_of(spec.region, account_id)
    key = create_key(
        f"{name}-key",
        description=f"Notifications of {name}",
        policy=account.apply(lambda account: key_policy(account, *_used_by_publishers(account, spec.region))),
        tags=spec.tags,
        opts=opts,
    )
    topic = sns.Topic(name, kms_master_key_id=key.arn, tags=named(name, spec.tags), opts=opts)
    policy = sns.TopicPolicy(
        f"{name}-policy",
        arn=topic.arn,
        policy=account.apply(lambda known: topic.arn.apply(lambda arn: topic_policy(known, arn, spec.region))),
        opts=opts,
    )
    if spec.alarm_email is not None:
        sns.TopicSubscription(f"{name}-email", topic=topic.arn, protocol="email", endpoint=spec.alarm_email, opts=opts)
    return topic, policy


def topic_policy(account: Account, topic_arn: str, region: str) -> str:
    """This account's alarms and budgets publish, and nobody without TLS."""
    return policy_document(
        *(
            Statement(
                Sid=f"PublishedBy{sid}",
                Effect="Allow",
                Principal={"Service": service},
                Action=("sns:Publish",),
                Resource=topic_arn,
                Condition=condition,
            )
            for sid, service, condition in _publishers(account, region)
        ),
        Statement(
            Sid="WithTlsOnly",
            Effect="Deny",
            Principal="*",
            Action=("sns:Publish",),
            Resource=topic_arn,
            Condition={"Bool": {"aws:SecureTransport": "false"}},
        ),
    )


def _used_by_publishers(account: Account, region: str) -> tuple[Statement, ...]:
    return tuple(
        Statement(
            Sid=f"UsedBy{sid}",
            Effect="Allow",
            Principal={"Service": service},
            Action=_USE_KEY,
            # In a key's policy `*` is the key itself (as in encryption_key.py).
            Resource="*",
            Condition=condition,
        )
        for sid, service, condition in _publishers(account, region)
    )


def _publishers(account: Account, region: str) -> tuple[tuple[str, str, Conditions], ...]:
    """docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Notify_Users_Alarm_Changes.html and
    docs.aws.amazon.com/cost-management/latest/userguide/budgets-sns-policy.html (read 2026-11-25)."""
    return (
        ("Alarms", "cloudwatch.amazonaws.com", _on_behalf_of(account, account.arn("cloudwatch", region, "alarm:*"))),
        ("Budgets", "budgets.amazonaws.com", _on_behalf_of(account, account.arn("budgets", "", "*"))),
    )


def _on_behalf_of(account: Account, arn: str) -> Conditions:
    return {"StringEquals": {"aws:SourceAccount": account.account_id}, "ArnLike": {"aws:SourceArn": arn}}
