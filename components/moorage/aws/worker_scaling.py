"""How many workers of jobs there are, by what is in their queue."""

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
from pulumi_aws import cloudwatch

from moorage.aws.application_scaling import (
    WANTED_TASKS,
    ApplicationScaling,
    Dimensions,
    ecs_service,
    operand,
    service_dimensions,
    wanted_tasks,
)
from moorage.aws.tags import named

_PERIOD_SECONDS = 60
_SCALE_OUT_SECONDS = 60
_SCALE_IN_SECONDS = 300
# SQS tells no less than once a minute of a queue that is in use, and up to 15 minutes late of one that was not
# (docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-monitoring-using-cloudwatch.html, read
# 2026-11-25).
_SQS, _WAITING, _WORKED_ON = "AWS/SQS", "ApproximateNumberOfMessagesVisible", "ApproximateNumberOfMessagesNotVisible"


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
        service = ecs_service(self.cluster_name, self.service_name)
        scaling = ApplicationScaling.between(
            f"{self.name}-scaling", service, self.min_replicas, self.max_replicas, self.tags, self.opts
        )
        self._track_backlog(scaling)
        if self.min_replicas == 0:
            self._start_the_first(scaling)

    def _track_backlog(self, scaling: ApplicationScaling) -> None:
        queue = {"QueueName": self.queue_name}
        scaling.track(
            f"{self.name}-backlog",
            {
                "target_value": self.jobs_per_worker,
                "scale_out_cooldown": _SCALE_OUT_SECONDS,
                "scale_in_cooldown": _SCALE_IN_SECONDS,
                "customized_metric_specification": {
                    "metrics": [
                        operand("waiting", _SQS, _WAITING, queue, "Average"),
                        operand("held", _SQS, _WORKED_ON, queue, "Average"),
                        wanted_tasks("workers", self.cluster_name, self.service_name),
                        {
                            "id": "backlog",
                            "label": "Jobs for each worker",
                            "expression": "(waiting + held) / IF(FILL(workers, 0) < 1, 1, workers)",
                            "return_data": True,
                        },
                    ]
                },
            },
        )

    def _start_the_first(self, scaling: ApplicationScaling) -> None:
        """Target tracking adds in proportion to the metric, and AWS does not say how many that is where there are none
        (docs.aws.amazon.com/autoscaling/application/userguide/target-tracking-scaling-policy-overview.html, read
        2026-11-26): it asks for a least above 0 (botocore 1.43.117, application-autoscaling: RegisterScalableTarget,
        MinCapacity), and gives endpoints a policy of this kind beside it (`asynchronous_scaling`)."""
        name = f"{self.name}-first"
        policy = scaling.add_one(name, aggregation="Maximum", cooldown_seconds=_SCALE_IN_SECONDS)
        cloudwatch.MetricAlarm(
            f"{name}-alarm",
            alarm_description=f"Jobs wait and {self.name} has no worker: the first one is started",
            metric_queries=[
                _alarmed("waiting", _SQS, _WAITING, {"QueueName": self.queue_name}),
                _alarmed("workers", *WANTED_TASKS, service_dimensions(self.cluster_name, self.service_name)),
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


def _alarmed(
    metric_id: str, namespace: str, name: str, dimensions: Dimensions
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
