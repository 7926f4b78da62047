"""Where jobs are. Quick to import, for programs that connect later or never."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import typer

LEAST_RECORD_DAYS = 14
"""A job's record is kept for at least as long as a message can be (botocore 1.43.117, sqs: MessageRetentionPeriod)."""
RecordDays = Annotated[
    int,
    typer.Option(
        min=LEAST_RECORD_DAYS,
        envvar="MOORAGE_JOBS_RECORD_DAYS",
        help="How long it is known that a job is done: as long as the bucket keeps results.",
    ),
]
"""An option of whatever does jobs."""


@dataclass(frozen=True)
class Place:
    """A queue, a bucket and a table, and what they were told of time."""

    queue_url: str
    bucket: str
    table: str
    visibility_seconds: int = 60
    record_days: int = LEAST_RECORD_DAYS
    """How long it is known of a job that it is done, and the bucket keeps its result."""
