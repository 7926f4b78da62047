"""Where jobs are, as those who do them are told."""

from typing import NotRequired, TypedDict

import pulumi


class JobPlaceArgs(TypedDict):
    """What `SqsJobQueue` gives, as the arguments of those who do its jobs have it."""

    queue_url: pulumi.Input[str]
    """Of SQS."""
    bucket_name: pulumi.Input[str]
    """For results and large jobs."""
    table_name: pulumi.Input[str]
    """Of jobs that are done."""
    result_retention_days: NotRequired[pulumi.Input[int]]
    """How long results and that table know of a job. Default: 14."""


def job_place_environment(args: JobPlaceArgs) -> dict[str, pulumi.Input[str]]:
    """Variables that `moorage_serving.jobs` reads."""
    place: dict[str, pulumi.Input[str]] = {
        "MOORAGE_JOBS_QUEUE_URL": args["queue_url"],
        "MOORAGE_JOBS_BUCKET": args["bucket_name"],
        "MOORAGE_JOBS_TABLE": args["table_name"],
    }
    if "result_retention_days" in args:
        place["MOORAGE_JOBS_RECORD_DAYS"] = pulumi.Output.from_input(args["result_retention_days"]).apply(str)
    return place
