"""Functions that are kept started: always, by use, or by the clock."""

from collections.abc import Mapping

import pulumi
from pulumi_aws import appautoscaling, lambda_

from moorage.aws.application_scaling import ApplicationScaling, Scaled, operand
from moorage.aws.provisioned_concurrency_spec import ProvisionedConcurrency

TARGET_UTILIZATION = 0.7
"""The share that is busy when more are started (docs.aws.amazon.com/lambda/latest/dg/provisioned-concurrency.html has
the same in its example, read 2026-11-25)."""


def create_provisioned_concurrency(
    name: str,
    wanted: ProvisionedConcurrency,
    alias: lambda_.Alias,
    tags: Mapping[str, str],
    opts: pulumi.ResourceOptions,
) -> None:
    """By Application Auto Scaling where the number changes, which alone sets it then."""
    if wanted.is_fixed:
        lambda_.ProvisionedConcurrencyConfig(
            f"{name}-provisioned",
            function_name=alias.function_name,
            qualifier=alias.name,
            provisioned_concurrent_executions=wanted.min,
            opts=opts,
        )
        return
    function = pulumi.Output.concat("function:", alias.function_name, ":", alias.name)
    scaling = ApplicationScaling.between(
        f"{name}-provisioned",
        Scaled("lambda", "lambda:function:ProvisionedConcurrency", function),
        wanted.min,
        wanted.max or wanted.min,
        tags,
        opts,
    )
    if wanted.follows_use:
        scaling.track(f"{name}-provisioned-by-use", _use_of(alias))
    for index, schedule in enumerate(wanted.schedules):
        appautoscaling.ScheduledAction(
            f"{name}-provisioned-{index}",
            service_namespace=scaling.target.service_namespace,
            scalable_dimension=scaling.target.scalable_dimension,
            resource_id=scaling.target.resource_id,
            schedule=schedule.schedule,
            timezone=schedule.timezone,
            scalable_target_action={"min_capacity": schedule.min, "max_capacity": schedule.max},
            opts=opts,
        )


def _use_of(alias: lambda_.Alias) -> appautoscaling.PolicyTargetTrackingScalingPolicyConfigurationArgsDict:
    """Zero while nobody asks. AWS's own `LambdaProvisionedConcurrencyUtilization` has no value then, so that what a
    busy hour has started stays, and is paid for, until somebody asks again (github.com/neiman-marcus/
    serverless-provisioned-concurrency-autoscaling, issue 36, read 2026-11-26)."""
    dimensions = {
        "FunctionName": alias.function_name,
        "Resource": pulumi.Output.concat(alias.function_name, ":", alias.name),
    }
    return {
        "target_value": TARGET_UTILIZATION,
        "customized_metric_specification": {
            "metrics": [
                operand("told", "AWS/Lambda", "ProvisionedConcurrencyUtilization", dimensions, "Average"),
                {"id": "used", "label": "Share that is busy", "expression": "FILL(told, 0)", "return_data": True},
            ]
        },
    }
