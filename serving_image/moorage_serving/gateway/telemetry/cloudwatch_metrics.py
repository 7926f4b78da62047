"""Tells CloudWatch how one gateway process does, by lines of its log that CloudWatch makes metrics of.

Nothing is done per request: what Prometheus would be told is read. `moorage.aws.gateway_metrics` has the same names.
Every process writes for itself. CloudWatch adds their requests and their demand up, as it does those of many gateways.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import TYPE_CHECKING

import structlog

from moorage_serving.gateway.logs import write_line
from moorage_serving.gateway.telemetry import conventions
from moorage_serving.gateway.telemetry.embedded_metric_format import MetricValue, distribution, document
from moorage_serving.gateway.telemetry.request_totals import RequestTotals

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from moorage_serving.gateway.telemetry.load import Load, UpstreamLoad
    from moorage_serving.gateway.telemetry.request_totals import Histogram

log = structlog.get_logger("cloudwatch_metrics")
NAMESPACE = "Moorage"
LOAD_INTERVAL_SECONDS = 10
REQUESTS_INTERVAL_SECONDS = 60


class CloudWatchMetrics:
    """Writes while a stack is configured. To be closed.

    What a line tells is dated to the beginning of the interval that it is about, by the clock: each process has one
    value of its load in each interval, so that their sum is the stack's, and an interval that is over is complete.
    """

    def __init__(
        self,
        totals: Callable[[], RequestTotals],
        load: Callable[[], Load],
        *,
        now: Callable[[], float] = time.time,
        write: Callable[[bytes], None] = write_line,
    ) -> None:
        self._totals = totals
        self._load = load
        self._now = now
        self._write = write
        self._stack: str | None = None
        self._told = RequestTotals()
        self._load_told_until = self._requests_told_until = 0
        self._task: asyncio.Task[None] | None = None

    def configure(self, stack: str | None) -> None:
        """From now on write for this stack; None: not at all."""
        if stack == self._stack:
            return
        if self._stack is not None:
            self._write_requests(self._stack)
        self._stack = stack
        self._told = self._totals()
        self._load_told_until = interval_start(self._now(), LOAD_INTERVAL_SECONDS)
        self._requests_told_until = interval_start(self._now(), REQUESTS_INTERVAL_SECONDS)
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._tell_for_ever())

    async def close(self) -> None:
        """Write what has not been told yet."""
        if self._task is None:
            return
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task
        if self._stack is not None:
            self._write_requests(self._stack)

    async def _tell_for_ever(self) -> None:
        while True:
            await asyncio.sleep(LOAD_INTERVAL_SECONDS - self._now() % LOAD_INTERVAL_SECONDS)
            try:
                self.tell()
            except Exception:
                # Scaling and alarms hang on the next line.
                log.exception("cloudwatch_metrics_failed")

    def tell(self) -> None:
        """Write about the intervals that are over. A process may have been frozen for many of them, as on Lambda."""
        if self._stack is None:
            return
        now = self._now()
        if (ended := interval_start(now, LOAD_INTERVAL_SECONDS)) > self._load_told_until:
            self._load_told_until = ended
            self._write_load(self._stack, ended - LOAD_INTERVAL_SECONDS)
        if (ended := interval_start(now, REQUESTS_INTERVAL_SECONDS)) > self._requests_told_until:
            self._write_requests(self._stack)
            self._requests_told_until = ended

    def _write_load(self, stack: str, began: int) -> None:
        load = self._load()
        self._write(document(NAMESPACE, began * 1000, {"Stack": stack}, _stack_metrics(load)))
        for name, upstream in load.upstreams.items():
            dimensions = {"Stack": stack, "Upstream": name}
            self._write(document(NAMESPACE, began * 1000, dimensions, _upstream_metrics(upstream)))

    def _write_requests(self, stack: str) -> None:
        totals = self._totals()
        new = _request_metrics(totals.since(self._told))
        self._write(document(NAMESPACE, self._requests_told_until * 1000, {"Stack": stack}, new))
        self._told = totals


def interval_start(now: float, seconds: int) -> int:
    """When the interval began that this time is in, in Unix time."""
    return int(now) // seconds * seconds


def _stack_metrics(load: Load) -> Iterator[MetricValue]:
    yield MetricValue("DemandRequests", "Count", load.demand_requests, high_resolution=True)
    if load.redis_available is not None:
        yield MetricValue("RedisAvailable", "Count", int(load.redis_available), high_resolution=True)


def _upstream_metrics(load: UpstreamLoad) -> Iterator[MetricValue]:
    counts = {
        "AvailableEndpoints": load.available_endpoints,
        "EngineRunningRequests": load.running,
        "EngineWaitingRequests": load.waiting,
    }
    for name, count in counts.items():
        if count is not None:
            yield MetricValue(name, "Count", count, high_resolution=True)


def _request_metrics(new: RequestTotals) -> Iterator[MetricValue]:
    yield MetricValue("Requests", "Count", new.requests)
    yield MetricValue("Errors", "Count", new.errors)
    yield MetricValue("Throttles", "Count", new.throttles)
    yield from _seconds("RequestSeconds", conventions.DURATION_BUCKETS_SECONDS, new.durations)
    yield from _seconds("TimeToFirstTokenSeconds", conventions.FIRST_TOKEN_BUCKETS_SECONDS, new.first_tokens)


def _seconds(name: str, bounds: tuple[float, ...], histogram: Histogram) -> Iterator[MetricValue]:
    """Nothing where nothing was measured: a distribution of no values is none."""
    if any(histogram.counts):
        yield MetricValue(name, "Seconds", distribution(bounds, histogram.counts, histogram.total))
