"""How an endpoint that is asked by way of S3 gets its instances: by its backlog, and none where there is none."""

from collections.abc import Mapping

import pulumi
from pulumi_aws import cloudwatch

from moorage.aws.application_scaling import ApplicationScaling, endpoint_variant
from moorage.aws.tags import named

# docs.aws.amazon.com/sagemaker/latest/dg/async-inference-autoscale.html (excerpts of it, read 2026-11-26): two minutes,
# one instance and 300 seconds from zero. Its policy by backlog has no cool-downs in AWS's public copy of the page
# (github.com/awsdocs/amazon-sagemaker-developer-guide, 84d0522): 300 seconds is Application Auto Scaling's own for
# variants (its API's TargetTrackingScalingPolicyConfiguration), and twice that before an instance goes is our choice:
# its successor has to load the model anew.
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
    variant = endpoint_variant(endpoint_name, variant_name)
    scaling = ApplicationScaling.between(name, variant, 0, max_instances, tags, opts)
    scaling.track(
        f"{name}-backlog",
        {
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
    )
    _leave_zero(f"{name}-from-zero", scaling, endpoint_name, tags)


def _leave_zero(
    name: str, scaling: ApplicationScaling, endpoint_name: pulumi.Output[str], tags: Mapping[str, str]
) -> None:
    """Without it the first instance waits for a backlog over the target, as the page above has it."""
    policy = scaling.add_one(name, aggregation="Average", cooldown_seconds=_FROM_ZERO_SECONDS)
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
        opts=scaling.opts,
    )
