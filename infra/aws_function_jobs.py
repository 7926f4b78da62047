"""Jobs of a stack whose model is in a function of AWS Lambda: a second function does them, and no worker runs."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import pulumi

from file_keys import as_in_the_file
from moorage.aws.job_function import LambdaJobWorker, LambdaJobWorkerArgs
from moorage.aws.job_function_spec import VISIBILITY_TIMEOUTS, LambdaJobWorkerSpec
from moorage.aws.job_queue import SqsJobQueue
from moorage.aws.lambda_quotas import MOST_TIMEOUT_SECONDS
from moorage.spec import Problem, SpecError
from moorage.spec.parsing import known_of, parse

if TYPE_CHECKING:
    from aws_configuration import AwsSettings
    from moorage.aws.serverless import LambdaLlmArgs
    from settings import Settings

_OF_THE_MODEL = (
    *("region", "account_id", "image", "model", "facts", "load", "service_level"),
    *("architecture", "memory_mb", "log_retention_days", "tags"),
)
"""What both functions have in common."""
_KEYS = {"max_concurrency": "jobs.workers.max"}


@dataclass(frozen=True)
class FunctionJobs:
    """A queue, before the function that does what is in it."""

    queue: SqsJobQueue
    worker: LambdaJobWorker


def create_function_jobs(
    settings: "Settings", function: "LambdaLlmArgs", opts: pulumi.ResourceOptions
) -> FunctionJobs | None:
    """None where the stack has no jobs. Raises `moorage.spec.SpecError` for numbers that Lambda does not take."""
    jobs = settings.configuration.jobs
    if jobs is None:
        return None
    if "min" in jobs.workers.model_fields_set:
        raise SpecError(
            [
                Problem(
                    "jobs.workers.min",
                    f" = {jobs.workers.min}: no function runs while there are no jobs; remove it",
                )
            ]
        )
    aws = cast("AwsSettings", settings.configuration.aws)
    common = {key: value for key, value in function.items() if key in _OF_THE_MODEL}
    own: dict[str, object] = {**common, "max_concurrency": jobs.workers.max}
    visibility_seconds = VISIBILITY_TIMEOUTS * _timeout_seconds(own)
    queue = SqsJobQueue(
        "jobs",
        {
            "region": aws.region,
            "visibility_seconds": visibility_seconds,
            "deletion_protection": aws.deletion_protection,
            "tags": aws.tags,
        },
        opts,
    )
    args: dict[str, object] = {
        **own,
        "visibility_seconds": visibility_seconds,
        "queue_url": queue.queue_url,
        "queue_arn": queue.queue_arn,
        "bucket_name": queue.bucket_name,
        "table_name": queue.table_name,
        "consumer_policy": queue.consumer_policy,
        "result_retention_days": queue.record_days,
    }
    return FunctionJobs(queue, LambdaJobWorker("worker", cast("LambdaJobWorkerArgs", args), opts))


def _timeout_seconds(args: dict[str, object]) -> int:
    """The function's, with a queue that hides its messages for long enough in any case."""
    longest = {**args, "visibility_seconds": VISIBILITY_TIMEOUTS * MOST_TIMEOUT_SECONDS}
    with as_in_the_file(_KEYS):
        return parse(LambdaJobWorkerSpec, known_of(LambdaJobWorkerSpec, longest), "").timeout_seconds
