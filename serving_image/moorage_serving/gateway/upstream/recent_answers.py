"""How an endpoint, or a revision, has done lately."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from statistics import median

from moorage_serving.gateway.upstream.sliding_window import SlidingWindow

MAX_TIMES = 200


@dataclass(frozen=True, slots=True)
class Standing:
    """`median_first_byte_seconds` is None where there is no good answer to measure."""

    requests: int
    failures: int
    median_first_byte_seconds: float | None

    @property
    def failure_ratio(self) -> float:
        return self.failures / self.requests if self.requests else 0.0


class RecentAnswers:
    """Of the last `seconds`: how many, how many failed, and how long the first byte of the good ones took."""

    __slots__ = ("_counts", "_seconds", "_times")

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._counts = SlidingWindow(seconds)
        self._times: deque[tuple[float, float]] = deque(maxlen=MAX_TIMES)

    def add(self, now: float, first_byte_seconds: float | None, *, failed: bool) -> None:
        """Count one answer, or one that did not come. The time is left out where it says nothing."""
        self._counts.add(now, failed=failed)
        if first_byte_seconds is not None and not failed:
            self._times.append((now, first_byte_seconds))

    def standing(self, now: float) -> Standing:
        requests, failures = self._counts.totals(now)
        times = [seconds for at, seconds in self._times if now - at <= self._seconds]
        return Standing(requests, failures, median(times) if times else None)

    def clear(self) -> None:
        self._counts.clear()
        self._times.clear()
