"""Receives jobs and works on so many at once, until it is told to stop."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import structlog

from moorage_serving.jobs.runner import CLOUD_ERRORS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from moorage_serving.jobs.metrics import JobMetrics
    from moorage_serving.jobs.queue import Delivery
    from moorage_serving.jobs.runner import JobRunner

log = structlog.get_logger("jobs")
_BEAT_SECONDS = 1.0
_PAUSE_SECONDS = 1.0
"""After the queue could not be reached."""


class Worker:
    """Never receives what it has no place for."""

    def __init__(self, runner: JobRunner, metrics: JobMetrics, concurrency: int, drain_seconds: float) -> None:
        self._runner = runner
        self._metrics = metrics
        self._concurrency = concurrency
        self._drain_seconds = drain_seconds
        self._stopping = asyncio.Event()
        self._running: set[asyncio.Task[object]] = set()

    def stop(self) -> None:
        """Receive no more; finish within the drain's budget, give the rest back."""
        self._stopping.set()

    async def run(self) -> None:
        """Until it has been stopped and nothing is left."""
        log.info("worker_started", concurrency=self._concurrency)
        beating = asyncio.create_task(self._beat())
        stopping = asyncio.create_task(self._stopping.wait())
        try:
            while not self._stopping.is_set():
                receiving = asyncio.create_task(self._receive())
                await asyncio.wait((receiving, stopping), return_when=asyncio.FIRST_COMPLETED)
                await self._begin(receiving)
        finally:
            stopping.cancel()
            await self._drain()
            beating.cancel()

    async def _beat(self) -> None:
        """What a health check looks for: as long as this goes round, what the worker holds is renewed."""
        while True:
            self._metrics.beat()
            await asyncio.sleep(_BEAT_SECONDS)

    async def _receive(self) -> Sequence[Delivery]:
        while len(self._running) >= self._concurrency:
            await asyncio.wait(self._running, return_when=asyncio.FIRST_COMPLETED)
        try:
            return await self._runner.queue.receive(self._concurrency - len(self._running))
        except CLOUD_ERRORS as error:
            log.warning("queue_unavailable", error=type(error).__name__)
            await asyncio.sleep(_PAUSE_SECONDS)
            return ()

    async def _begin(self, receiving: asyncio.Task[Sequence[Delivery]]) -> None:
        """What was on its way when the worker was stopped comes again when its visibility has run out."""
        if not receiving.done():
            receiving.cancel()
            await asyncio.wait((receiving,))
        if receiving.cancelled():
            return
        for delivery in receiving.result():
            task = asyncio.create_task(self._runner.run(delivery))
            self._running.add(task)
            task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[object]) -> None:
        self._running.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("job_broke", exc_info=error)

    async def _drain(self) -> None:
        left = set(self._running)
        log.info("worker_stopping", running=len(left))
        if left:
            _, late = await asyncio.wait(left, timeout=self._drain_seconds)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        log.info("worker_stopped")
