"""What a worker counts, for Prometheus."""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

if TYPE_CHECKING:
    from collections.abc import Iterator

_SECONDS = (0.1, 0.3, 1, 3, 10, 30, 100, 300, 1000, 3600)


@dataclass
class Measured:
    """A delivery, and what becomes of it."""

    outcome: str = "given_back"
    """What it is if nobody says otherwise: the worker was told to stop."""


class JobMetrics:
    """Of one process."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._deliveries = Counter("moorage_job_deliveries", "Deliveries of jobs.", ["outcome"], registry=self.registry)
        self._seconds = Histogram(
            "moorage_job_seconds", "From delivery to outcome.", ["outcome"], buckets=_SECONDS, registry=self.registry
        )
        self._running = Gauge("moorage_jobs_running", "Jobs that are worked on.", registry=self.registry)
        self._beat = Gauge(
            "moorage_worker_beat_timestamp_seconds", "When the worker last came round.", registry=self.registry
        )

    def beat(self) -> None:
        """The worker's loop goes on."""
        self._beat.set_to_current_time()

    @contextmanager
    def measured(self) -> Iterator[Measured]:
        """Counts what happens inside, and how long it takes."""
        found, begun = Measured(), time.monotonic()
        with self._running.track_inprogress():
            try:
                yield found
            finally:
                self._deliveries.labels(found.outcome).inc()
                self._seconds.labels(found.outcome).observe(time.monotonic() - begun)
