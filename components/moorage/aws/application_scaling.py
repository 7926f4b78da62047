"""Application Auto Scaling: between how many there are, and what decides."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import pulumi
from pulumi_aws import appautoscaling

from moorage.aws.tags import named

Dimensions = Mapping[str, pulumi.Input[str]]
WANTED_TASKS = ("ECS/ContainerInsights", "DesiredTaskCount")
"""Namespace and name of the metric. What is wanted is there before it runs."""


class Scaled(NamedTuple):
    """What there is more or less of, as the service calls it."""

    namespace: str
    dimension: str
    resource_id: pulumi.Input[str]


def ecs_service(cluster_name: pulumi.Input[str], service_name: pulumi.Input[str]) -> Scaled:
    """Tasks of a service of Amazon ECS."""
    service = pulumi.Output.concat("service/", cluster_name, "/", service_name)
    return Scaled("ecs", "ecs:service:DesiredCount", service)


def endpoint_variant(endpoint_name: pulumi.Input[str], variant_name: str) -> Scaled:
    """Instances of a variant of an endpoint of SageMaker."""
    variant = pulumi.Output.concat("endpoint/", endpoint_name, f"/variant/{variant_name}")
    return Scaled("sagemaker", "sagemaker:variant:DesiredInstanceCount", variant)


@dataclass(frozen=True)
class ApplicationScaling:
    """Of one thing that is scaled, by as many policies as it is given."""

    target: appautoscaling.Target
    opts: pulumi.ResourceOptions

    @classmethod
    def between(
        cls,
        name: str,
        scaled: Scaled,
        least: int,
        most: int,
        tags: Mapping[str, str],
        opts: pulumi.ResourceOptions,
    ) -> "ApplicationScaling":
        """`name`: the target's; `opts`: its and its policies'."""
        target = appautoscaling.Target(
            name,
            service_namespace=scaled.namespace,
            scalable_dimension=scaled.dimension,
            resource_id=scaled.resource_id,
            min_capacity=least,
            max_capacity=most,
            tags=named(name, tags),
            opts=opts,
        )
        return cls(target, opts)

    def track(
        self, name: str, configuration: appautoscaling.PolicyTargetTrackingScalingPolicyConfigurationArgsDict
    ) -> None:
        """As many as keep a metric at its target."""
        appautoscaling.Policy(
            name,
            policy_type="TargetTrackingScaling",
            service_namespace=self.target.service_namespace,
            scalable_dimension=self.target.scalable_dimension,
            resource_id=self.target.resource_id,
            target_tracking_scaling_policy_configuration=configuration,
            opts=self.opts,
        )

    def add_one(self, name: str, *, aggregation: str, cooldown_seconds: int) -> appautoscaling.Policy:
        """What an alarm calls that wants one more, and not another within the cool-down."""
        return appautoscaling.Policy(
            name,
            policy_type="StepScaling",
            service_namespace=self.target.service_namespace,
            scalable_dimension=self.target.scalable_dimension,
            resource_id=self.target.resource_id,
            step_scaling_policy_configuration={
                "adjustment_type": "ChangeInCapacity",
                "metric_aggregation_type": aggregation,
                "cooldown": cooldown_seconds,
                "step_adjustments": [{"metric_interval_lower_bound": "0", "scaling_adjustment": 1}],
            },
            opts=self.opts,
        )


def operand(
    metric_id: str, namespace: str, metric_name: str, dimensions: Dimensions, statistic: str, label: str | None = None
) -> appautoscaling.PolicyTargetTrackingScalingPolicyConfigurationCustomizedMetricSpecificationMetricArgsDict:
    """A metric that a tracked expression is made of."""
    found: appautoscaling.PolicyTargetTrackingScalingPolicyConfigurationCustomizedMetricSpecificationMetricArgsDict = {
        "id": metric_id,
        "return_data": False,
        "metric_stat": {
            "stat": statistic,
            "metric": {
                "namespace": namespace,
                "metric_name": metric_name,
                "dimensions": [{"name": name, "value": value} for name, value in dimensions.items()],
            },
        },
    }
    return found if label is None else {**found, "label": label}


def wanted_tasks(
    metric_id: str, cluster_name: pulumi.Input[str], service_name: pulumi.Input[str], label: str | None = None
) -> appautoscaling.PolicyTargetTrackingScalingPolicyConfigurationCustomizedMetricSpecificationMetricArgsDict:
    """How many tasks a service of Amazon ECS is to have, as an operand."""
    return operand(metric_id, *WANTED_TASKS, service_dimensions(cluster_name, service_name), "Average", label)


def service_dimensions(cluster_name: pulumi.Input[str], service_name: pulumi.Input[str]) -> Dimensions:
    """Of the metrics of a service of Amazon ECS."""
    return {"ClusterName": cluster_name, "ServiceName": service_name}
