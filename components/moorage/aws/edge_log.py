"""Who has asked a distribution of CloudFront, without what was asked."""

import pulumi
from pulumi_aws import cloudfront, cloudwatch

from moorage.aws.account import Account
from moorage.aws.edge_spec import EDGE_REGION, EdgeSpec
from moorage.aws.encryption_key import create_key, key_policy, used_by_log_group
from moorage.aws.policy import Statement, policy_document
from moorage.aws.tags import named

FIELDS = (
    *("date", "time", "x-edge-location", "x-edge-request-id", "x-edge-result-type", "x-edge-response-result-type"),
    *("x-edge-detailed-result-type", "c-ip", "c-country", "cs-method", "cs(Host)", "cs-uri-stem", "cs-protocol"),
    *("cs-protocol-version", "ssl-protocol", "ssl-cipher", "sc-status", "sc-bytes", "cs-bytes", "time-taken"),
    *("time-to-first-byte", "origin-fbl", "origin-lbl"),
)
"""Neither the query, nor cookies, nor referrers.

docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/standard-logs-reference.html has them, and
standard-logging.html the origin's times and the country (copies, read 2026-11-26).
"""


def create_edge_log(
    name: str,
    distribution: cloudfront.Distribution,
    account: pulumi.Output[Account],
    spec: EdgeSpec,
    opts: pulumi.ResourceOptions,
) -> cloudwatch.LogGroup:
    """Standard logging of version 2, into a group of its own in the region where CloudFront keeps its own."""
    prefix = f"/moorage/{name}-edge-"
    key = create_key(
        f"{name}-key",
        description=f"Access log of {name}",
        policy=account.apply(lambda known: key_policy(known, used_by_log_group(known, EDGE_REGION, f"{prefix}*"))),
        tags=spec.tags,
        opts=opts,
        region=EDGE_REGION,
    )
    log_group = cloudwatch.LogGroup(
        f"{name}-log",
        region=EDGE_REGION,
        name_prefix=prefix,
        retention_in_days=spec.log_retention_days,
        kms_key_id=key.arn,
        tags=named(f"{name}-log", spec.tags),
        opts=opts,
    )
    policy = cloudwatch.LogResourcePolicy(
        f"{name}-log-policy",
        region=EDGE_REGION,
        # Two stacks of one account would write over each other's, and the first one's log would end.
        policy_name=pulumi.Output.concat(f"{name}-edge-log-", distribution.id),
        policy_document=pulumi.Output.all(log_group.arn, account).apply(
            lambda known: _deliver(known[0], Account(*known[1]))
        ),
        opts=opts,
    )
    source = cloudwatch.LogDeliverySource(
        f"{name}-log-source",
        region=EDGE_REGION,
        log_type="ACCESS_LOGS",
        resource_arn=distribution.arn,
        tags=named(f"{name}-log-source", spec.tags),
        opts=opts,
    )
    destination = cloudwatch.LogDeliveryDestination(
        f"{name}-log-destination",
        region=EDGE_REGION,
        output_format="json",
        delivery_destination_configuration={"destination_resource_arn": log_group.arn},
        tags=named(f"{name}-log-destination", spec.tags),
        opts=opts,
    )
    cloudwatch.LogDelivery(
        f"{name}-log-delivery",
        region=EDGE_REGION,
        delivery_source_name=source.name,
        delivery_destination_arn=destination.arn,
        record_fields=list(FIELDS),
        tags=named(f"{name}-log-delivery", spec.tags),
        opts=pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(depends_on=[policy])),
    )
    return log_group


def _deliver(log_group_arn: str, account: Account) -> str:
    """As docs.aws.amazon.com/AmazonCloudWatch/latest/logs/AWS-logs-infrastructure-V2-CloudWatchLogs.html has it (a
    copy, read 2026-11-26), for sources of deliveries alone."""
    source = account.arn("logs", EDGE_REGION, "delivery-source:*")
    return policy_document(
        Statement(
            Sid="Deliver",
            Effect="Allow",
            Principal={"Service": "delivery.logs.amazonaws.com"},
            Action=["logs:CreateLogStream", "logs:PutLogEvents"],
            Resource=[f"{log_group_arn}:*"],
            Condition={"StringEquals": {"aws:SourceAccount": account.account_id}, "ArnLike": {"aws:SourceArn": source}},
        )
    )
