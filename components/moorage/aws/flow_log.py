"""The record of who talked to whom in a network."""

import pulumi
from pulumi_aws import cloudwatch, ec2, iam

from moorage.aws.account import Account, account_of
from moorage.aws.encryption_key import create_key, key_policy, used_by_log_group
from moorage.aws.network_plan import NetworkSpec
from moorage.aws.policy import allow, policy_document, trust
from moorage.aws.tags import named


def create_flow_log(name: str, network: ec2.Vpc, spec: NetworkSpec, opts: pulumi.ResourceOptions) -> ec2.FlowLog:
    """All of the VPC's traffic, in an encrypted log group that expires."""
    account = account_of(spec.region, network.owner_id)
    log_group = _create_log_group(name, account, spec, opts)
    role = _create_role(name, account, log_group, spec, opts)
    return ec2.FlowLog(
        name,
        vpc_id=network.id,
        traffic_type="ALL",
        log_destination_type="cloud-watch-logs",
        log_destination=log_group.arn,
        iam_role_arn=role.arn,
        tags=named(name, spec.tags),
        opts=opts,
    )


def _create_log_group(
    name: str, account: pulumi.Output[Account], spec: NetworkSpec, opts: pulumi.ResourceOptions
) -> cloudwatch.LogGroup:
    log_group = f"/moorage/{name}"
    key = create_key(
        f"{name}-key",
        description=f"Log group {log_group}",
        policy=account.apply(lambda account: key_policy(account, used_by_log_group(account, spec.region, log_group))),
        tags=spec.tags,
        opts=opts,
    )
    return cloudwatch.LogGroup(
        f"{name}-group",
        name=log_group,
        retention_in_days=spec.flow_log_retention_days,
        kms_key_id=key.arn,
        tags=named(f"{name}-group", spec.tags),
        opts=opts,
    )


def _create_role(
    name: str,
    account: pulumi.Output[Account],
    log_group: cloudwatch.LogGroup,
    spec: NetworkSpec,
    opts: pulumi.ResourceOptions,
) -> iam.Role:
    role = iam.Role(
        f"{name}-role",
        assume_role_policy=account.apply(_trust),
        tags=named(f"{name}-role", spec.tags),
        opts=opts,
    )
    iam.RolePolicy(f"{name}-policy", role=role.id, policy=log_group.arn.apply(_policy), opts=opts)
    return role


def _trust(account: Account) -> str:
    return trust("vpc-flow-logs.amazonaws.com", condition={"StringEquals": {"aws:SourceAccount": account.account_id}})


def _policy(log_group_arn: str) -> str:
    """docs.aws.amazon.com/vpc/latest/userguide/flow-logs-iam-role.html (read 2026-11-25), for this group alone.

    What that page allows besides has no resource to be bound to, and the group is there already.
    """
    actions = ("logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents")
    return policy_document(allow("WriteFlowLogs", actions, (log_group_arn, f"{log_group_arn}:*")))
