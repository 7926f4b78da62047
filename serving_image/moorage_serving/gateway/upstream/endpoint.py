"""One address that requests can be sent to."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import structlog

from moorage_serving.gateway.upstream.breaker import CircuitBreaker
from moorage_serving.gateway.upstream.recent_answers import RecentAnswers

if TYPE_CHECKING:
    from collections.abc import Callable

    from moorage_serving.gateway.config.upstreams import UpstreamConfig
    from moorage_serving.gateway.upstream.engine_load import EngineLoad
    from moorage_serving.gateway.upstream.transport import Transport

# vLLM's default for requests at once (`max_num_seqs` of its server, 256): what an endpoint without a limit counts for
# beside one that has one.
WEIGHT_WITHOUT_LIMIT = 256
# Whoever asks for a longer pause is found again by then.
MAX_RETRY_AFTER_SECONDS = 60.0
UNLIMITED = float("inf")
RECENT_SECONDS = 60.0
# As Envoy's `base_ejection_time`.
EJECTION_SECONDS = 30.0
log = structlog.get_logger("endpoint")


class Endpoint:
    """Its connections, its load and what is known of how it does.

    `name` is the upstream's, `unique_name` has the address too where the upstream has several. `in_flight` counts the
    requests of this gateway process, `load` those of others too, as far as they are known; `slots` is how many it may
    get from here: its share among `gateway_processes` until others' load is known.
    `problem` says why it gets no requests; None while it is well. `suspected` is called when a request could not reach
    it. `engine_load` is what its engine last told of itself; None where it tells nothing, or is not reached.
    `breaker_openings` and `ejections` are counters. Times are of `time.monotonic()`.
    """

    __slots__ = (
        "_least",
        "_share",
        "breaker",
        "breaker_openings",
        "config",
        "ejected_until",
        "ejections",
        "engine_load",
        "in_flight",
        "is_up",
        "load",
        "name",
        "problem",
        "recent",
        "set_aside_until",
        "slots",
        "suspected",
        "transport",
        "unique_name",
        "weight",
    )

    def __init__(
        self, config: UpstreamConfig, transport: Transport, gateway_processes: int = 1, unique_name: str | None = None
    ) -> None:
        limit = config.max_concurrent_requests
        self.config = config
        self.name = config.name
        self.unique_name = unique_name or config.name
        self.transport = transport
        self.in_flight = 0
        self.load = 0
        self.weight = float(limit or WEIGHT_WITHOUT_LIMIT)
        self._share = UNLIMITED if limit is None else float(max(1, limit // gateway_processes))
        self._least = self._share if gateway_processes > 1 else 1.0
        self.slots = self._share
        self.is_up = True
        self.problem: str | None = None
        self.suspected: Callable[[], None] = lambda: None
        self.engine_load: EngineLoad | None = None
        self.breaker = CircuitBreaker()
        self.breaker_openings = 0
        self.recent = RecentAnswers(RECENT_SECONDS)
        self.set_aside_until = 0.0
        self.ejected_until = 0.0
        self.ejections = 0

    def is_usable(self, now: float) -> bool:
        """Whether nothing speaks against it, be there room or not."""
        return (
            self.is_up and now >= self.breaker.open_until and now >= self.set_aside_until and now >= self.ejected_until
        )

    def accepts(self, now: float) -> bool:
        """Whether it has room, and nothing speaks against it."""
        return self.in_flight < self.slots and self.is_usable(now)

    def is_last_resort(self, now: float) -> bool:
        """Whether it can be asked when there is nothing better, although it failed lately."""
        return self.is_up and now >= self.set_aside_until

    @property
    def has_room(self) -> bool:
        return self.in_flight < self.slots

    def take(self) -> None:
        """A request goes here. Exactly one `release` must follow."""
        self.in_flight += 1
        self.load += 1
        self.breaker.begin()

    def release(self) -> None:
        """A request has ended."""
        self.in_flight -= 1
        self.load -= 1

    def record(self, first_byte_seconds: float | None, *, failed: bool) -> None:
        """An answer has ended, or did not come. The time is None where it says nothing."""
        now = time.monotonic()
        self.recent.add(now, first_byte_seconds, failed=failed)
        if not failed:
            self.breaker.succeed(now)
        elif self.breaker.fail(now):
            self.breaker_openings += 1
            log.warning("upstream_breaker_open", upstream=self.unique_name)

    def give_up(self) -> None:
        """A request has ended without telling anything about the endpoint."""
        self.breaker.abandon(time.monotonic())

    def eject(self, now: float) -> None:
        """It does worse than those beside it: leave it alone for 30 seconds, then judge it anew."""
        self.ejected_until = now + EJECTION_SECONDS
        self.ejections += 1
        self.recent.clear()
        log.warning("upstream_ejected", upstream=self.unique_name)

    def set_foreign_load(self, requests: int | None) -> None:
        """Requests of others that run and wait here, None where nobody knows: then the limit is divided evenly.

        Who knows them may use the places that others leave. Other gateways leave this process its share.
        """
        self.load = self.in_flight + (requests or 0)
        limit = self.config.max_concurrent_requests
        if limit is not None:
            self.slots = self._share if requests is None else max(float(limit - requests), self._least)

    def set_aside(self, seconds: float) -> None:
        """It has asked to be left alone for some time."""
        self.set_aside_until = time.monotonic() + min(seconds, MAX_RETRY_AFTER_SECONDS)
