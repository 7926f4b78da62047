"""The record of who talked to whom in a network."""

import pulumi
from pulumi_aws import cloudwatch, ec2, iam

from moorage.aws.account import Account, account_of
from moorage.aws.log_surroundings import LogSurroundings
from moorage.aws.network_plan import NetworkSpec
from moorage.aws.policy import allow, policy_document, trusted_in
from moorage.aws.tags import named


def create_flow_log(name: str, network: ec2.Vpc, spec: NetworkSpec, opts: pulumi.ResourceOptions) -> ec2.FlowLog:
    """All of the VPC's traffic, in an encrypted log group that expires."""
    account = account_of(spec.region, network.owner_id)
    around = LogSurroundings(name, spec.region, account, spec.flow_log_retention_days, spec.tags, opts)
    log_group = around.create_log_group(around.create_key(f"Flow log {name}"))
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


def _create_role(
    name: str,
    account: pulumi.Output[Account],
    log_group: cloudwatch.LogGroup,
    spec: NetworkSpec,
    opts: pulumi.ResourceOptions,
) -> iam.Role:
    role = iam.Role(
        f"{name}-role",
        assume_role_policy=account.apply(lambda account: trusted_in(account, "vpc-flow-logs.amazonaws.com")),
        tags=named(f"{name}-role", spec.tags),
        opts=opts,
    )
    iam.RolePolicy(f"{name}-policy", role=role.id, policy=log_group.arn.apply(_policy), opts=opts)
    return role


def _policy(log_group_arn: str) -> str:
    """docs.aws.amazon.com/vpc/latest/userguide/flow-logs-iam-role.html (read 2026-11-25), for this group alone.

    What that page allows besides has no resource to be bound to, and the group is there already.
    """
    actions = ("logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents")
    return policy_document(allow("WriteFlowLogs", actions, (log_group_arn, f"{log_group_arn}:*")))
