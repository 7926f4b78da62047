"""How many engines of Amazon ECS there are, by what gateways tell CloudWatch of the load."""

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
from pulumi_aws import cloudwatch

from moorage.aws.application_scaling import ApplicationScaling, ecs_service, operand, wanted_tasks
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
        service = ecs_service(self.cluster_name, self.service_name)
        scaling = ApplicationScaling.between(
            f"{self.name}-scaling", service, self.min_replicas, self.max_replicas, self.tags, self.opts
        )
        self._track_demand(scaling)
        self._follow_waiting(scaling)

    def _track_demand(self, scaling: ApplicationScaling) -> None:
        demand = operand(
            "demand",
            NAMESPACE,
            DEMAND_REQUESTS.name,
            {STACK_DIMENSION: self.metrics_stack},
            DEMAND_REQUESTS.statistic,
            "Requests in service and waiting, each gateway's several times a minute",
        )
        scaling.track(
            f"{self.name}-demand",
            {
                "target_value": self.demand_per_engine,
                "scale_out_cooldown": _SCALE_OUT_SECONDS,
                "scale_in_cooldown": _SCALE_IN_SECONDS,
                "customized_metric_specification": {
                    "metrics": [
                        demand,
                        wanted_tasks("engines", self.cluster_name, self.service_name, "Engines that are wanted"),
                        {
                            "id": "each",
                            "label": "Requests for each engine",
                            "expression": f"demand / {DEMAND_REQUESTS.samples(_PERIOD_SECONDS)} / engines",
                            "return_data": True,
                        },
                    ]
                },
            },
        )

    def _follow_waiting(self, scaling: ApplicationScaling) -> None:
        """An engine whose KV cache is full has a queue, however few requests it computes."""
        name = f"{self.name}-waiting"
        # The one that was added last has to have started before another is.
        policy = scaling.add_one(name, aggregation="Average", cooldown_seconds=self.startup_seconds)
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
