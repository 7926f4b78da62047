"""How many engines of Amazon ECS there are, by what gateways tell CloudWatch of the load."""

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
from pulumi_aws import appautoscaling, cloudwatch

from moorage.aws.gateway_metrics import (
    DEMAND_REQUESTS,
    ENGINE_WAITING_REQUESTS,
    NAMESPACE,
    STACK_DIMENSION,
    UPSTREAM_DIMENSION,
)
from moorage.aws.tags import named
from moorage.kubernetes.autoscaler_objects import SCALE_DOWN_WINDOW_SECONDS, WAITING_PER_REPLICA

_PERIOD_SECONDS = 60
"""Application Auto Scaling's own, for metrics of one's own."""
_SCALE_OUT_SECONDS = 60
"""Demand is divided by the engines that are wanted, not by those that run: it falls as soon as one more is, so that the
next look, a period later, asks for no second one while the first loads."""
_SCALE_IN_SECONDS = SCALE_DOWN_WINDOW_SECONDS
"""As on Kubernetes, where it says why: an engine that is missed takes ten minutes to come back."""
_WAITING_PERIODS = 2


@dataclass(frozen=True)
class EngineScaling:
    """Of one service."""

    name: str
    """The component's, which is its upstream's."""
    cluster_name: pulumi.Input[str]
    service_name: pulumi.Input[str]
    metrics_stack: str
    min_replicas: int
    max_replicas: int
    demand_per_engine: int
    startup_seconds: int
    """Until an engine more takes some of the load."""
    tags: Mapping[str, str]
    opts: pulumi.ResourceOptions

    def create(self) -> None:
        """Target tracking of the demand, up and down; and one more where engines have a queue all the same."""
        name = f"{self.name}-scaling"
        target = appautoscaling.Target(
            name,
            service_namespace="ecs",
            scalable_dimension="ecs:service:DesiredCount",
            resource_id=pulumi.Output.concat("service/", self.cluster_name, "/", self.service_name),
            min_capacity=self.min_replicas,
            max_capacity=self.max_replicas,
            tags=named(name, self.tags),
            opts=self.opts,
        )
        self._track_demand(target)
        self._follow_waiting(target)

    def _track_demand(self, target: appautoscaling.Target) -> None:
        appautoscaling.Policy(
            f"{self.name}-demand",
            policy_type="TargetTrackingScaling",
            service_namespace=target.service_namespace,
            scalable_dimension=target.scalable_dimension,
            resource_id=target.resource_id,
            target_tracking_scaling_policy_configuration={
                "target_value": self.demand_per_engine,
                "scale_out_cooldown": _SCALE_OUT_SECONDS,
                "scale_in_cooldown": _SCALE_IN_SECONDS,
                "customized_metric_specification": {
                    "metrics": [
                        {
                            "id": "demand",
                            "label": "Requests in service and waiting, each gateway's several times a minute",
                            "return_data": False,
                            "metric_stat": {
                                "stat": DEMAND_REQUESTS.statistic,
                                "metric": {
                                    "namespace": NAMESPACE,
                                    "metric_name": DEMAND_REQUESTS.name,
                                    "dimensions": [{"name": STACK_DIMENSION, "value": self.metrics_stack}],
                                },
                            },
                        },
                        {
                            "id": "engines",
                            "label": "Engines that are wanted",
                            "return_data": False,
                            "metric_stat": {
                                "stat": "Average",
                                "metric": {
                                    "namespace": "ECS/ContainerInsights",
                                    "metric_name": "DesiredTaskCount",
                                    "dimensions": [
                                        {"name": "ClusterName", "value": self.cluster_name},
                                        {"name": "ServiceName", "value": self.service_name},
                                    ],
                                },
                            },
                        },
                        {
                            "id": "each",
                            "label": "Requests for each engine",
                            "expression": f"demand / {DEMAND_REQUESTS.samples(_PERIOD_SECONDS)} / engines",
                            "return_data": True,
                        },
                    ]
                },
            },
            opts=self.opts,
        )

    def _follow_waiting(self, target: appautoscaling.Target) -> None:
        """An engine whose KV cache is full has a queue, however few requests it computes."""
        name = f"{self.name}-waiting"
        policy = appautoscaling.Policy(
            name,
            policy_type="StepScaling",
            service_namespace=target.service_namespace,
            scalable_dimension=target.scalable_dimension,
            resource_id=target.resource_id,
            step_scaling_policy_configuration={
                "adjustment_type": "ChangeInCapacity",
                "metric_aggregation_type": "Average",
                # The one that was added last has to have started before another is.
                "cooldown": self.startup_seconds,
                "step_adjustments": [{"metric_interval_lower_bound": "0", "scaling_adjustment": 1}],
            },
            opts=self.opts,
        )
        cloudwatch.MetricAlarm(
            f"{name}-alarm",
            alarm_description=f"Requests wait in the engines of {self.name}: one more engine is started",
            namespace=NAMESPACE,
            metric_name=ENGINE_WAITING_REQUESTS.name,
            dimensions={STACK_DIMENSION: self.metrics_stack, UPSTREAM_DIMENSION: self.name},
            statistic=ENGINE_WAITING_REQUESTS.statistic,
            period=_PERIOD_SECONDS,
            evaluation_periods=_WAITING_PERIODS,
            comparison_operator="GreaterThanOrEqualToThreshold",
            threshold=WAITING_PER_REPLICA,
            treat_missing_data="notBreaching",
            alarm_actions=[policy.arn],
            tags=named(f"{name}-alarm", self.tags),
            opts=self.opts,
        )
