"""How long a place is taken, measured, and what follows for those that wait."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

# A mean over fewer would be a guess from, for instance, the request that had to wait for the engine's start.
MIN_DEPARTURES = 8
# The mean forgets what is much longer ago than this many departures.
REMEMBERED_DEPARTURES = 64


class ServiceTime:
    """The mean time between taking and leaving a place.

    Each departure is paired with the earliest arrival that is still unpaired, whichever request it was. By Little's law
    the mean stays what it is, requests in service per departure and second, and one stream that stays open for an hour
    does not make it jump. `arrived` and `departed` are given the time in seconds.
    """

    __slots__ = ("_arrivals", "_departures", "_mean_seconds", "arrived")

    def __init__(self) -> None:
        self._arrivals: deque[float] = deque()
        self.arrived: Callable[[float], None] = self._arrivals.append
        self._departures = 0
        self._mean_seconds = 0.0

    @property
    def mean_seconds(self) -> float | None:
        """None as long as too little has been seen."""
        return self._mean_seconds if self._departures >= MIN_DEPARTURES else None

    def departed(self, now_seconds: float) -> None:
        taken_seconds = now_seconds - self._arrivals.popleft()
        if self._departures < REMEMBERED_DEPARTURES:
            self._departures += 1
        self._mean_seconds += (taken_seconds - self._mean_seconds) / self._departures


def predicted_wait_seconds(ahead: int, in_service: int, limit: int, mean_service_seconds: float) -> float:
    """When a request with `ahead` others before it gets a place, if places go on being left as they were.

    `limit` places, each left every `mean_service_seconds`, make `limit / mean_service_seconds` departures a second.
    Where the limit has just fallen below what is in service, nobody moves up until that many have left.
    """
    surplus = max(0, in_service - limit)
    surplus_seconds = mean_service_seconds * surplus / in_service if surplus else 0.0
    return surplus_seconds + mean_service_seconds * (ahead + 1) / limit
