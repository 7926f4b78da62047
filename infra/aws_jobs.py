"""Jobs of stacks on AWS: their queue, and what somebody needs who submits them."""

from typing import TYPE_CHECKING

import pulumi

from moorage.aws.job_queue import SqsJobQueue
from outputs import JobsOutputs, try_a_job

if TYPE_CHECKING:
    from aws_front import Ground


def create_job_queue(ground: "Ground") -> SqsJobQueue:
    aws = ground.aws
    return SqsJobQueue(
        "jobs",
        {"region": aws.region, "deletion_protection": aws.deletion_protection, "tags": aws.tags},
        ground.opts,
    )


def jobs_outputs(queue: SqsJobQueue, region: str, model: str, question: str) -> JobsOutputs:
    return {
        "queue_url": queue.queue_url,
        "bucket": queue.bucket_name,
        "table": queue.table_name,
        "region": region,
        "producer_policy": queue.producer_policy,
        "try_it": pulumi.Output.all(queue.queue_url, queue.bucket_name, queue.table_name).apply(
            lambda known: try_a_job(known[0], known[1], known[2], region, model, question)
        ),
    }
