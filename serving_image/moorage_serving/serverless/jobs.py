"""Jobs in a function of AWS Lambda: it gets them as events, and the engine beside it does them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aiobotocore.session import AioSession

from moorage_serving.jobs.connections import connect, job_runner
from moorage_serving.jobs.engine import RETRY_SECONDS
from moorage_serving.jobs.events import answer_sqs_event
from moorage_serving.jobs.metrics import JobMetrics

if TYPE_CHECKING:
    from collections.abc import Mapping

    from moorage_serving.jobs.place import Place

_JOB_SECONDS = 900.0
"""Longer than any function may run (docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html, read 2026-11-25):
the invocation's own deadline ends a job."""


class FunctionJobs:
    """Connects for each event anew: between two of them the environment is frozen, and no connection outlives that."""

    def __init__(self, place: Place, endpoint: str) -> None:
        """`endpoint`: of the engine, without `/v1`."""
        self._place = place
        self._endpoint = endpoint
        self._metrics = JobMetrics()
        # Reads the services' models once.
        self._session = AioSession()

    async def answer(self, event: Mapping[str, Any]) -> dict[str, list[dict[str, str]]]:
        """As `answer_sqs_event`. Cancelled, it gives all jobs back that are not done."""
        async with (
            connect(self._place, session=self._session) as services,
            job_runner(services, self._endpoint, None, _JOB_SECONDS, self._metrics, RETRY_SECONDS) as runner,
        ):
            return await answer_sqs_event(runner, event)
