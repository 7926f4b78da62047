"""Counts in one process, where Redis is not there to count for all."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from moorage_serving.gateway.quota.answers import month_number, utc
from moorage_serving.gateway.quota.limits import WINDOW_SECONDS, Limits, Refusal, Verdict
from moorage_serving.gateway.quota.reservation import Reservation
from moorage_serving.gateway.quota.window import SlidingWindow

if TYPE_CHECKING:
    from collections.abc import Callable

    from moorage_serving.gateway.quota.answers import Headers
    from moorage_serving.gateway.quota.shared import SharedTenant


class Carried(NamedTuple):
    """This process's part of what Redis had counted when it was last heard, so that a failure resets no limit."""

    requests: int = 0
    tokens: int = 0
    concurrent: int = 0
    month_tokens: int = 0
    heard_at: float = 0.0


def carried_from(shared: SharedTenant, local: LocalTenant, now: float, processes: int) -> Carried:
    """Rounded up; what the window has let go of since, or another month, counts for nothing."""
    concurrent = len(shared.held - local.slots)
    if shared.last is None:
        return Carried(concurrent=concurrent)
    requests, tokens, month_tokens = (
        -(-used // processes)
        for used in (shared.last.requests_used, shared.last.tokens_used, shared.last.month_tokens_used)
    )
    if now - shared.last_at > WINDOW_SECONDS:
        requests = tokens = 0
    if month_number(utc(now)) != month_number(utc(shared.last_at)):
        month_tokens = 0
    return Carried(requests, tokens, concurrent, month_tokens, shared.last_at)


class LocalTenant:
    """One tenant's counts. Times are Unix times in seconds."""

    def __init__(self) -> None:
        self.requests, self.tokens = SlidingWindow(), SlidingWindow()
        self.slots: set[str] = set()
        self._month = 0
        self._reserved_tokens = 0
        self._settled_tokens = 0
        self._settled_at = 0.0

    @property
    def month_tokens(self) -> int:
        return self._reserved_tokens + self._settled_tokens

    def reserve(self, now: float, limits: Limits, carried: Carried, tokens: int, slot: str) -> tuple[Verdict, int]:
        """Take everything or nothing: the verdict, and the bucket that the tokens went into."""
        self._advance(now, carried)
        verdict = self._judge(now, limits, carried, tokens)
        if verdict.refusal is not None:
            return verdict, 0
        self.requests.add(now, 1)
        bucket = self.tokens.add(now, tokens)
        self.slots.add(slot)
        self._reserved_tokens += tokens
        return self._verdict(now, carried, None, 0.0), bucket

    def settle(self, now: float, bucket: int, slot: str, reserved: int, used: int) -> None:
        """`bucket` is what `reserve` returned."""
        self.slots.remove(slot)
        self.tokens.correct(now, bucket, used - reserved)
        self._reserved_tokens -= reserved
        self._settled_tokens += used
        self._settled_at = now

    def _advance(self, now: float, carried: Carried) -> None:
        self.requests.advance(now)
        self.tokens.advance(now)
        month = month_number(utc(now))
        # Redis is told what was used without it before it is asked again, so that its count includes that.
        if month != self._month or carried.heard_at > self._settled_at:
            self._month, self._settled_tokens = month, 0

    def _judge(self, now: float, limits: Limits, carried: Carried, tokens: int) -> Verdict:
        too_many_requests = over(self.requests.total + carried.requests + 1, limits.requests)
        too_many_tokens = over(self.tokens.total + carried.tokens + tokens, limits.tokens)
        if over(self.month_tokens + carried.month_tokens + tokens, limits.month_tokens):
            return self._verdict(now, carried, Refusal.MONTH, 0.0)
        if too_many_tokens:
            wait_seconds = self.tokens.seconds_until_left(now, too_many_tokens)
            return self._verdict(now, carried, Refusal.TOKENS, wait_seconds)
        if too_many_requests:
            wait_seconds = self.requests.seconds_until_left(now, too_many_requests)
            return self._verdict(now, carried, Refusal.REQUESTS, wait_seconds)
        if over(len(self.slots) + carried.concurrent + 1, limits.concurrent):
            return self._verdict(now, carried, Refusal.CONCURRENCY, 1.0)
        return self._verdict(now, carried, None, 0.0)

    def _verdict(self, now: float, carried: Carried, refusal: Refusal | None, wait_seconds: float) -> Verdict:
        return Verdict(
            refusal,
            wait_seconds,
            self.requests.total + carried.requests,
            self.tokens.total + carried.tokens,
            max(self.requests.seconds_until_empty(now), self.tokens.seconds_until_empty(now)),
            self.month_tokens + carried.month_tokens,
        )


def over(wanted: int, limit: int | None) -> int:
    """By how much a limit would be passed."""
    return 0 if limit is None else max(0, wanted - limit)


class LocalReservation(Reservation):
    """Counted in this process. `tell` is called with the tokens that were used, when they are known."""

    __slots__ = ("_bucket", "_clock", "_slot", "_tell", "_tenant")

    def __init__(
        self,
        headers: Headers,
        tokens: int,
        tenant: LocalTenant,
        bucket: int,
        slot: str,
        clock: Callable[[], float],
        tell: Callable[[int], None],
    ) -> None:
        super().__init__(headers, tokens)
        self._tenant = tenant
        self._bucket = bucket
        self._slot = slot
        self._clock = clock
        self._tell = tell

    def settle(self, tokens: int) -> None:
        if self._slot in self._tenant.slots:
            self._tenant.settle(self._clock(), self._bucket, self._slot, self.tokens, tokens)
            self._tell(tokens)
