"""Counts of what happened lately."""

from __future__ import annotations


class SlidingWindow:
    """Requests and failures of the last one to two halves of `seconds`.

    Two counters that take turns instead of a list of events: memory and cost do not depend on the rate.
    """

    __slots__ = ("_before", "_half_seconds", "_now", "_turn_at")

    def __init__(self, seconds: float) -> None:
        self._half_seconds = seconds / 2
        self._turn_at = 0.0
        self._before = (0, 0)
        self._now = (0, 0)

    def add(self, now: float, *, failed: bool) -> None:
        """Count one request."""
        self._turn(now)
        requests, failures = self._now
        self._now = (requests + 1, failures + failed)

    def totals(self, now: float) -> tuple[int, int]:
        """Requests, and how many of them failed."""
        self._turn(now)
        return self._before[0] + self._now[0], self._before[1] + self._now[1]

    def clear(self) -> None:
        """Forget everything."""
        self._before = self._now = (0, 0)

    def _turn(self, now: float) -> None:
        if now < self._turn_at:
            return
        # After a longer silence both halves are out of date.
        self._before = self._now if now < self._turn_at + self._half_seconds else (0, 0)
        self._now = (0, 0)
        self._turn_at = now + self._half_seconds
