"""A request every few minutes, so that one environment of a function stays started."""

import json

from pulumi_aws import iam, lambda_, scheduler

from moorage.aws.lambda_surroundings import Surroundings
from moorage.aws.policy import allow, policy_document, trusted_in
from moorage.aws.tags import named

_PATH = "/health"
_LEAST_AGE_SECONDS = 60
"""The least that Lambda takes (botocore 1.43.117, lambda: MaximumEventAgeInSeconds). Where all environments are busy,
it tries an event again for six hours otherwise (docs.aws.amazon.com/lambda/latest/dg/
invocation-async-error-handling.html, read 2026-11-26): each try is a throttle that an alarm counts, and a warm-up that
comes late warms nothing."""


def create_warm_up(surroundings: Surroundings, alias: lambda_.Alias, minutes: int) -> scheduler.Schedule:
    """By EventBridge Scheduler, with a role that may call this alias and nothing else. What fails is not repeated,
    and what finds no environment free is dropped after a minute."""
    name = f"{surroundings.name}-warm-up"
    lambda_.FunctionEventInvokeConfig(
        f"{name}-invocation",
        function_name=alias.function_name,
        qualifier=alias.name,
        maximum_retry_attempts=0,
        maximum_event_age_in_seconds=_LEAST_AGE_SECONDS,
        opts=surroundings.opts,
    )
    return scheduler.Schedule(
        name,
        description=f"Keeps {surroundings.name} started",
        schedule_expression=f"rate({minutes} minute{'s' * (minutes > 1)})",
        flexible_time_window={"mode": "OFF"},
        target={
            "arn": alias.arn,
            "role_arn": _create_role(name, surroundings, alias).arn,
            "input": json.dumps(warm_up_event()),
            "retry_policy": {"maximum_retry_attempts": 0},
        },
        opts=surroundings.opts,
    )


def warm_up_event() -> dict[str, object]:
    """A request as API Gateway hands one over, for what the gateway answers without its engine."""
    return {
        "resource": _PATH,
        "path": _PATH,
        "httpMethod": "GET",
        "headers": {},
        "multiValueHeaders": {},
        "queryStringParameters": None,
        "multiValueQueryStringParameters": None,
        "pathParameters": None,
        "stageVariables": None,
        "requestContext": {"resourcePath": _PATH, "path": _PATH, "httpMethod": "GET", "requestId": "warm-up"},
        "body": None,
        "isBase64Encoded": False,
    }


def _create_role(name: str, surroundings: Surroundings, alias: lambda_.Alias) -> iam.Role:
    role = iam.Role(
        f"{name}-role",
        assume_role_policy=surroundings.account.apply(lambda account: trusted_in(account, "scheduler.amazonaws.com")),
        tags=named(f"{name}-role", surroundings.tags),
        opts=surroundings.opts,
    )
    iam.RolePolicy(
        f"{name}-policy",
        role=role.id,
        policy=alias.arn.apply(lambda arn: policy_document(allow("WarmUp", ("lambda:InvokeFunction",), (arn,)))),
        opts=surroundings.opts,
    )
    return role
