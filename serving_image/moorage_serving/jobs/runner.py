"""One delivery of a job, from the claim to the result."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from enum import StrEnum
from itertools import count
from typing import TYPE_CHECKING

import aiohttp
import structlog
from botocore.exceptions import BotoCoreError, ClientError
from pydantic import ValidationError

from moorage_serving.jobs.claims import Busy, Claim, ClaimLostError, Claims, Done
from moorage_serving.jobs.engine import Answer, Engine, NotNowError, TryLaterError, delay_seconds
from moorage_serving.jobs.message import Job, JobResult
from moorage_serving.jobs.queue import Delivery, DeliveryLostError, JobQueue

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from moorage_serving.jobs.metrics import JobMetrics
    from moorage_serving.jobs.store import JobStore

log = structlog.get_logger("jobs")
CLOUD_ERRORS = (BotoCoreError, ClientError, aiohttp.ClientError, OSError)


class Outcome(StrEnum):
    """Of one delivery."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    """The engine refuses the request itself; that is the job's result."""
    DUPLICATE = "duplicate"
    """The job had been done before."""
    BUSY = "busy"
    """Another worker has the job."""
    RETRIED = "retried"
    """The engine has failed on it, or may not be waited for."""
    INVALID = "invalid"
    """The message is no job. The queue sets it aside after so many deliveries."""
    LOST = "lost"
    """The message or the claim went to another worker meanwhile."""
    INTERRUPTED = "interrupted"
    """The cloud's own services failed; the message comes again when the job's claim has run out."""

    @property
    def is_final(self) -> bool:
        """Whether the message has been taken out of the queue."""
        return self in (Outcome.SUCCEEDED, Outcome.FAILED, Outcome.DUPLICATE)


class JobRunner:
    """Does jobs, with an effect once for each."""

    def __init__(
        self,
        queue: JobQueue,
        claims: Claims,
        store: JobStore,
        engine: Engine,
        metrics: JobMetrics,
        retry_seconds: float,
    ) -> None:
        """`retry_seconds`: before the second try; the wait doubles with each."""
        self._retry_seconds = retry_seconds
        self.queue = queue
        self._claims = claims
        self._store = store
        self._engine = engine
        self._metrics = metrics

    async def run(self, delivery: Delivery, *, may_wait: bool = True) -> Outcome:
        """Cancelled, it gives the job back at once.

        Args:
            delivery: Of a job.
            may_wait: Whether it keeps the job while the engine is full or out of reach: the delivery then counts once
                toward the dead letters, however long that takes. Otherwise it gives the job back.
        """
        with self._metrics.measured() as measured:
            try:
                outcome = await self._run(delivery, may_wait=may_wait)
            except CLOUD_ERRORS as error:
                log.warning("job_interrupted", error=type(error).__name__)
                outcome = Outcome.INTERRUPTED
                with suppress(*CLOUD_ERRORS):
                    await self.queue.give_back(delivery, self.queue.visibility_seconds)
            measured.outcome = outcome
        return outcome

    async def _run(self, delivery: Delivery, *, may_wait: bool) -> Outcome:
        try:
            job = Job.model_validate_json(delivery.body)
        except ValidationError as error:
            # What is in it may be somebody's prompt.
            log.warning("job_invalid", fields=[".".join(map(str, found["loc"])) for found in error.errors()])
            await self.queue.give_back(delivery, 0)
            return Outcome.INVALID
        claim = await self._claims.take(job.job_id)
        if isinstance(claim, Done):
            await self.queue.acknowledge(delivery)
            return Outcome.DUPLICATE
        if isinstance(claim, Busy):
            # A duplicate of a long job is delivered a few times meanwhile, and is not to be a dead letter for that.
            await self.queue.give_back(delivery, delay_seconds(claim.remaining_seconds, delivery.receive_count, None))
            return Outcome.BUSY
        try:
            return await self._work(job, claim, delivery, may_wait=may_wait)
        except asyncio.CancelledError:
            await self._claims.release(claim)
            await self.queue.give_back(delivery, 0)
            raise
        except (ClaimLostError, DeliveryLostError):
            log.warning("job_lost", job_id=job.job_id)
            await self._claims.release(claim)
            return Outcome.LOST

    async def _work(self, job: Job, claim: Claim, delivery: Delivery, *, may_wait: bool) -> Outcome:
        try:
            async with self._held(claim, delivery):
                answer = await self._ask(job, may_wait=may_wait)
        except TryLaterError as error:
            log.info("job_retried", job_id=job.job_id, reason=str(error), receive_count=delivery.receive_count)
            await self._claims.release(claim)
            delay = delay_seconds(self._retry_seconds, delivery.receive_count, error.retry_after_seconds)
            await self.queue.give_back(delivery, delay)
            return Outcome.RETRIED
        outcome = Outcome.SUCCEEDED if answer.succeeded else Outcome.FAILED
        result = JobResult(
            job_id=job.job_id,
            outcome="succeeded" if answer.succeeded else "failed",
            status=answer.status,
            body=answer.body,
            submitted_at=job.submitted_at,
        )
        await self._claims.finish(claim, await self._store.put_result(claim, result))
        await self.queue.acknowledge(delivery)
        log.info("job_done", job_id=job.job_id, outcome=outcome, status=answer.status)
        return outcome

    async def _ask(self, job: Job, *, may_wait: bool) -> Answer:
        """Raises TryLaterError."""
        body = await self._store.body_of(job)
        for tries in count(1):
            try:
                return await self._engine.ask(job.path, body, job.job_id)
            except NotNowError as error:
                if not may_wait:
                    raise
                log.info("job_waits", job_id=job.job_id, reason=str(error), tries=tries)
                await asyncio.sleep(delay_seconds(self._retry_seconds, tries, error.retry_after_seconds))
        raise AssertionError("count() has no end")

    @asynccontextmanager
    async def _held(self, claim: Claim, delivery: Delivery) -> AsyncIterator[None]:
        """Renews both while it lasts. Raises ClaimLostError or DeliveryLostError as soon as one of them is."""
        # Lambda hides a message for as long as its queue says, six of the function's timeouts: one whose function is
        # killed comes again when the claim has run out.
        await self.queue.extend(delivery)
        try:
            async with asyncio.TaskGroup() as group:
                heartbeat = group.create_task(self._renew(claim, delivery))
                yield
                heartbeat.cancel()
        except ExceptionGroup as errors:
            raise errors.exceptions[0] from None

    async def _renew(self, claim: Claim, delivery: Delivery) -> None:
        while True:
            await asyncio.sleep(self.queue.visibility_seconds / 3)
            await self._claims.renew(claim)
            await self.queue.extend(delivery)
