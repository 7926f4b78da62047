"""How an endpoint that is asked by way of S3 gets its instances: by its backlog, and none where there is none."""

from collections.abc import Mapping

import pulumi
from pulumi_aws import appautoscaling, cloudwatch

from moorage.aws.tags import named

# All numbers but the target are of docs.aws.amazon.com/sagemaker/latest/dg/async-inference-autoscale.html, of which
# excerpts were read on 2026-11-25: two minutes, one instance and 300 seconds from zero; the cool-downs are from memory.
_NAMESPACE = "AWS/SageMaker"
_SCALE_OUT_SECONDS = 300
_SCALE_IN_SECONDS = 600
_FROM_ZERO_SECONDS = 300
_PERIOD_SECONDS = 60
_PERIODS_WITH_BACKLOG = 2


def scale_by_backlog(
    name: str,
    *,
    endpoint_name: pulumi.Output[str],
    variant_name: str,
    max_instances: int,
    backlog_per_instance: int,
    tags: Mapping[str, str],
    opts: pulumi.ResourceOptions,
) -> None:
    """From none to `max_instances`.

    Args:
        name: what its resources' names begin with.
        endpoint_name: as SageMaker has it.
        variant_name: the variant of it whose instances these are.
        max_instances: more there are never.
        backlog_per_instance: requests that wait or are answered, per instance; more make another instance.
        tags: on the resources that have any.
        opts: of each resource.
    """
    target = appautoscaling.Target(
        name,
        service_namespace="sagemaker",
        scalable_dimension="sagemaker:variant:DesiredInstanceCount",
        resource_id=pulumi.Output.concat("endpoint/", endpoint_name, f"/variant/{variant_name}"),
        min_capacity=0,
        max_capacity=max_instances,
        tags=named(name, tags),
        opts=opts,
    )
    _follow_backlog(f"{name}-backlog", target, endpoint_name, backlog_per_instance, opts)
    _leave_zero(f"{name}-from-zero", target, endpoint_name, tags, opts)


def _follow_backlog(
    name: str,
    target: appautoscaling.Target,
    endpoint_name: pulumi.Output[str],
    backlog_per_instance: int,
    opts: pulumi.ResourceOptions,
) -> None:
    appautoscaling.Policy(
        name,
        policy_type="TargetTrackingScaling",
        service_namespace=target.service_namespace,
        scalable_dimension=target.scalable_dimension,
        resource_id=target.resource_id,
        target_tracking_scaling_policy_configuration={
            "customized_metric_specification": {
                "namespace": _NAMESPACE,
                "metric_name": "ApproximateBacklogSizePerInstance",
                "dimensions": [{"name": "EndpointName", "value": endpoint_name}],
                "statistic": "Average",
            },
            "target_value": backlog_per_instance,
            "scale_out_cooldown": _SCALE_OUT_SECONDS,
            "scale_in_cooldown": _SCALE_IN_SECONDS,
        },
        opts=opts,
    )


def _leave_zero(
    name: str,
    target: appautoscaling.Target,
    endpoint_name: pulumi.Output[str],
    tags: Mapping[str, str],
    opts: pulumi.ResourceOptions,
) -> None:
    """Without it the first instance would wait for a backlog over the target."""
    policy = appautoscaling.Policy(
        name,
        policy_type="StepScaling",
        service_namespace=target.service_namespace,
        scalable_dimension=target.scalable_dimension,
        resource_id=target.resource_id,
        step_scaling_policy_configuration={
            "adjustment_type": "ChangeInCapacity",
            "metric_aggregation_type": "Average",
            "cooldown": _FROM_ZERO_SECONDS,
            "step_adjustments": [{"metric_interval_lower_bound": "0", "scaling_adjustment": 1}],
        },
        opts=opts,
    )
    cloudwatch.MetricAlarm(
        f"{name}-alarm",
        alarm_description="Requests wait for an endpoint without instances: it gets one",
        namespace=_NAMESPACE,
        metric_name="HasBacklogWithoutCapacity",
        dimensions={"EndpointName": endpoint_name},
        statistic="Average",
        period=_PERIOD_SECONDS,
        evaluation_periods=_PERIODS_WITH_BACKLOG,
        datapoints_to_alarm=_PERIODS_WITH_BACKLOG,
        comparison_operator="GreaterThanOrEqualToThreshold",
        threshold=1,
        treat_missing_data="missing",
        alarm_actions=[policy.arn],
        tags=named(f"{name}-alarm", tags),
        opts=opts,
    )
