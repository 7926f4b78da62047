"""Counts what went through in the last 60 seconds, in one process. The scripts do the same in Redis."""

from __future__ import annotations

from moorage_serving.gateway.quota.limits import WINDOW_SECONDS


class SlidingWindow:
    """Amounts in one-second buckets, and their total. Every call takes the time, in seconds, which never goes back.

    The bucket of the present second and the 60 before it count, so that the total is never less than what any
    60 seconds up to now hold.
    """

    __slots__ = ("_buckets", "_newest", "total")

    def __init__(self) -> None:
        self._buckets: dict[int, int] = {}  # in the order of time
        self._newest = 0
        self.total = 0

    def advance(self, now: float) -> None:
        """Let go of what is past."""
        first = int(now) - WINDOW_SECONDS
        while self._buckets:
            second = next(iter(self._buckets))
            if second >= first:
                return
            self.total -= self._buckets.pop(second)

    def add(self, now: float, amount: int) -> int:
        """Count an amount; the bucket that it went into."""
        self.advance(now)
        self._newest = max(int(now), self._newest)
        self._buckets[self._newest] = self._buckets.get(self._newest, 0) + amount
        self.total += amount
        return self._newest

    def correct(self, now: float, bucket: int, more: int) -> None:
        """Change an amount afterwards. Of one that is past, only what is more than before counts, and from now on."""
        self.advance(now)
        if bucket in self._buckets:
            self._buckets[bucket] += more
            self.total += more
        elif more > 0:
            self.add(now, more)

    def seconds_until_left(self, now: float, amount: int) -> float:
        """How long until so much has left; 60 if there is not so much."""
        for second, held in self._buckets.items():
            amount -= held
            if amount <= 0:
                return second + WINDOW_SECONDS + 1 - now
        return WINDOW_SECONDS

    def seconds_until_empty(self, now: float) -> float:
        return self._newest + WINDOW_SECONDS + 1 - now if self._buckets else 0.0
