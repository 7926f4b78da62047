"""Keeps requests away from an endpoint that keeps failing, and tries it again now and then.

purgatory 3.0, pybreaker 1.4 and aiobreaker 1.2 (PyPI, read 2026-11-23) count consecutive failures only, wait a fixed
time, and judge a call when it returns; here an answer is judged when its stream ends, long after the call.
"""

from __future__ import annotations

import random
from enum import StrEnum
from typing import TYPE_CHECKING

from moorage_serving.gateway.upstream.sliding_window import SlidingWindow

if TYPE_CHECKING:
    from collections.abc import Callable

CONSECUTIVE_FAILURES = 5
WINDOW_SECONDS = 30.0
MIN_REQUESTS = 20
MAX_FAILURE_RATIO = 0.5
FIRST_PAUSE_SECONDS = 1.0
MAX_PAUSE_SECONDS = 30.0


class BreakerState(StrEnum):
    """`half_open`: one request is let through, and decides."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


class CircuitBreaker:
    """Opens after 5 failures in a row, or when half of at least 20 requests of the last 30 seconds failed.

    The pause before the next try is 1 s and doubles with every failed try up to 30 s, shortened by up to a half at
    random, so that gateways do not try all at once. `random` gives numbers from 0 to 1. `now` is a monotonic time in
    seconds. `open_until` is 0 while closed: requests are let through from that time on.
    """

    __slots__ = ("_failures", "_openings", "_random", "_trial", "_window", "open_until")

    def __init__(self, random: Callable[[], float] = random.random) -> None:
        self.open_until = 0.0
        self._failures = 0
        self._openings = 0
        self._trial = False
        self._random = random
        self._window = SlidingWindow(WINDOW_SECONDS)

    @property
    def pause_seconds(self) -> float:
        """The longest that the next pause can be."""
        return min(MAX_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2.0 ** min(self._openings, 10))

    def state(self, now: float) -> BreakerState:
        if not self.open_until:
            return BreakerState.CLOSED
        return BreakerState.HALF_OPEN if self._trial or now >= self.open_until else BreakerState.OPEN

    def begin(self) -> None:
        """A request goes to the endpoint. While not closed, no other is let through until its end is known."""
        if self.open_until:
            self._trial = True
            self.open_until = float("inf")

    def abandon(self, now: float) -> None:
        """A request ended without telling anything about the endpoint."""
        if self._trial:
            self._trial = False
            self.open_until = now

    def answer(self) -> None:
        """An answer has begun, which is enough to let others through."""
        if self._trial:
            self._close()

    def succeed(self, now: float) -> None:
        """A request ended well."""
        self._window.add(now, failed=False)
        self._failures = 0
        if self.open_until:
            self._close()
        else:
            self._openings = 0

    def fail(self, now: float) -> bool:
        """A request failed. Whether the breaker opened with it."""
        self._window.add(now, failed=True)
        self._failures += 1
        if self._trial or (not self.open_until and self._is_too_much(now)):
            self._open(now)
            return True
        return False

    def _is_too_much(self, now: float) -> bool:
        if self._failures >= CONSECUTIVE_FAILURES:
            return True
        requests, failures = self._window.totals(now)
        return requests >= MIN_REQUESTS and failures >= MAX_FAILURE_RATIO * requests

    def _open(self, now: float) -> None:
        self._trial = False
        self.open_until = now + self.pause_seconds * (1 - self._random() / 2)
        self._openings += 1

    def _close(self) -> None:
        """`_openings` stays until a further success: an endpoint that only now and then works is not asked often."""
        self._trial = False
        self.open_until = 0.0
        self._window.clear()
