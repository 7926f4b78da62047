"""The role by which API Gateway writes the logs of all APIs of an account in a region."""

from collections.abc import Mapping

import pulumi
from pulumi_aws import apigateway, iam

from moorage.aws.account import managed_policy
from moorage.aws.policy import trust
from moorage.aws.tags import named


def create_api_log_role(
    name: str, region: str, tags: Mapping[str, str], opts: pulumi.ResourceOptions
) -> apigateway.Account:
    """Sets it; deleting it leaves the account without one.

    API Gateway takes no other role than one of the API's own account and does not say for whom, so the trust has no
    condition (docs.aws.amazon.com/apigateway/latest/developerguide/set-up-logging.html, read 2026-11-25).
    """
    role = iam.Role(
        f"{name}-log-role",
        assume_role_policy=trust("apigateway.amazonaws.com"),
        tags=named(f"{name}-log-role", tags),
        opts=opts,
    )
    attachment = iam.RolePolicyAttachment(
        f"{name}-log-policy",
        role=role.name,
        policy_arn=managed_policy(region, "service-role/AmazonAPIGatewayPushToCloudWatchLogs"),
        opts=opts,
    )
    return apigateway.Account(
        f"{name}-account",
        cloudwatch_role_arn=role.arn,
        opts=pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(depends_on=[attachment])),
    )
