"""What a tenant may use, and what a counter says to a request for it. No I/O."""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from moorage_serving.gateway.config.tenants import TenantConfig

WINDOW_SECONDS = 60


class Refusal(IntEnum):
    """The limit that is in the way; the numbers are those of reserve.lua."""

    REQUESTS = 1
    TOKENS = 2
    CONCURRENCY = 3
    MONTH = 4


class Limits(NamedTuple):
    """None: no limit. Requests and tokens are those of any 60 seconds, the month is UTC's."""

    requests: int | None
    tokens: int | None
    concurrent: int | None
    month_tokens: int | None

    @property
    def need_settling(self) -> bool:
        """Whether anything has to be given back when a request ends."""
        return self.tokens is not None or self.concurrent is not None or self.month_tokens is not None

    def divided(self, among: int) -> Limits:
        """What one of `among` processes may let through that cannot know of each other.

        Rounded down, so that together they stay below the limit; but at least 1, because a process that lets nothing
        through is an outage. Where a limit is less than the number of processes, that number is what gets through.
        """
        return Limits(*(None if limit is None else max(1, limit // among) for limit in self))


class Verdict(NamedTuple):
    """A counter's answer. `refusal` None: reserved. What is used includes the request itself, if it was let in."""

    refusal: Refusal | None
    retry_after_seconds: float
    requests_used: int
    tokens_used: int
    reset_seconds: float
    """Until the window is empty, if nothing more comes."""
    month_tokens_used: int


def limits_of(tenant: TenantConfig) -> Limits:
    return Limits(
        tenant.requests_per_minute, tenant.tokens_per_minute, tenant.concurrent_requests, tenant.tokens_per_month
    )
