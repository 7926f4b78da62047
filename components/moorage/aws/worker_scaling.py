"""How many workers of jobs there are, by what is in their queue."""

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
from pulumi_aws import appautoscaling, cloudwatch

from moorage.aws.tags import named

_PERIOD_SECONDS = 60
_SCALE_OUT_SECONDS = 60
_SCALE_IN_SECONDS = 300
# SQS tells no less than once a minute of a queue that is in use, and up to 15 minutes late of one that was not
# (docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-monitoring-using-cloudwatch.html, read
# 2026-11-25).
_WAITING, _WORKED_ON = "ApproximateNumberOfMessagesVisible", "ApproximateNumberOfMessagesNotVisible"


@dataclass(frozen=True)
class WorkerScaling:
    """Of one service.

    The queue's backlog for each worker by metric math, as AWS has it (docs.aws.amazon.com/autoscaling/application/
    userguide/application-auto-scaling-target-tracking-metric-math.html, read 2026-11-25), with two differences. Jobs
    that are worked on count too: else a worker with long jobs and an empty queue would be taken away. And what they are
    divided by is the workers that are wanted, which is there before they run.
    """

    name: str
    cluster_name: pulumi.Input[str]
    service_name: pulumi.Input[str]
    queue_name: pulumi.Input[str]
    min_replicas: int
    max_replicas: int
    jobs_per_worker: int
    tags: Mapping[str, str]
    opts: pulumi.ResourceOptions

    def create(self) -> None:
        """Target tracking, up and down; and the first worker, where there may be none."""
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
        self._track_backlog(target)
        if self.min_replicas == 0:
            self._start_the_first(target)

    def _track_backlog(self, target: appautoscaling.Target) -> None:
        appautoscaling.Policy(
            f"{self.name}-backlog",
            policy_type="TargetTrackingScaling",
            service_namespace=target.service_namespace,
            scalable_dimension=target.scalable_dimension,
            resource_id=target.resource_id,
            target_tracking_scaling_policy_configuration={
                "target_value": self.jobs_per_worker,
                "scale_out_cooldown": _SCALE_OUT_SECONDS,
                "scale_in_cooldown": _SCALE_IN_SECONDS,
                "customized_metric_specification": {
                    "metrics": [
                        self._tracked("waiting", "AWS/SQS", _WAITING, self._queue),
                        self._tracked("held", "AWS/SQS", _WORKED_ON, self._queue),
                        self._tracked("workers", "ECS/ContainerInsights", "DesiredTaskCount", self._service),
                        {
                            "id": "backlog",
                            "label": "Jobs for each worker",
                            "expression": "(waiting + held) / IF(FILL(workers, 0) < 1, 1, workers)",
                            "return_data": True,
                        },
                    ]
                },
            },
            opts=self.opts,
        )

    def _start_the_first(self, target: appautoscaling.Target) -> None:
        """Target tracking multiplies the workers that there are: of none it makes none."""
        name = f"{self.name}-first"
        policy = appautoscaling.Policy(
            name,
            policy_type="StepScaling",
            service_namespace=target.service_namespace,
            scalable_dimension=target.scalable_dimension,
            resource_id=target.resource_id,
            step_scaling_policy_configuration={
                "adjustment_type": "ChangeInCapacity",
                "metric_aggregation_type": "Maximum",
                "cooldown": _SCALE_IN_SECONDS,
                "step_adjustments": [{"metric_interval_lower_bound": "0", "scaling_adjustment": 1}],
            },
            opts=self.opts,
        )
        cloudwatch.MetricAlarm(
            f"{name}-alarm",
            alarm_description=f"Jobs wait and {self.name} has no worker: the first one is started",
            metric_queries=[
                self._alarmed("waiting", "AWS/SQS", _WAITING, self._queue),
                self._alarmed("workers", "ECS/ContainerInsights", "DesiredTaskCount", self._service),
                {
                    "id": "unattended",
                    "label": "Jobs without a worker",
                    "expression": "IF(FILL(workers, 0) < 1, waiting, 0)",
                    "return_data": True,
                },
            ],
            evaluation_periods=1,
            comparison_operator="GreaterThanOrEqualToThreshold",
            threshold=1,
            treat_missing_data="notBreaching",
            alarm_actions=[policy.arn],
            tags=named(f"{name}-alarm", self.tags),
            opts=self.opts,
        )

    @property
    def _queue(self) -> Mapping[str, pulumi.Input[str]]:
        return {"QueueName": self.queue_name}

    @property
    def _service(self) -> Mapping[str, pulumi.Input[str]]:
        return {"ClusterName": self.cluster_name, "ServiceName": self.service_name}

    @staticmethod
    def _tracked(
        metric_id: str, namespace: str, name: str, dimensions: Mapping[str, pulumi.Input[str]]
    ) -> appautoscaling.PolicyTargetTrackingScalingPolicyConfigurationCustomizedMetricSpecificationMetricArgsDict:
        return {
            "id": metric_id,
            "return_data": False,
            "metric_stat": {
                "stat": "Average",
                "metric": {
                    "namespace": namespace,
                    "metric_name": name,
                    "dimensions": [{"name": key, "value": value} for key, value in dimensions.items()],
                },
            },
        }

    @staticmethod
    def _alarmed(
        metric_id: str, namespace: str, name: str, dimensions: Mapping[str, pulumi.Input[str]]
    ) -> cloudwatch.MetricAlarmMetricQueryArgsDict:
        return {
            "id": metric_id,
            "return_data": False,
            "metric": {
                "namespace": namespace,
                "metric_name": name,
                "dimensions": dimensions,
                "stat": "Maximum",
                "period": _PERIOD_SECONDS,
            },
        }
