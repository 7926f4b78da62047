"""The engines that serve one model, and how a request gets its answer from one of them."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from moorage_serving.gateway import errors
from moorage_serving.gateway.upstream.attempt import NoAnswerError, ask
from moorage_serving.gateway.upstream.endpoint import UNLIMITED
from moorage_serving.gateway.upstream.hedging import first_answer
from moorage_serving.gateway.upstream.opened_answer import FAILED_STATUSES
from moorage_serving.gateway.upstream.pool import pools_of
from moorage_serving.gateway.upstream.retry_after import overloaded_for, retry_after_seconds
from moorage_serving.gateway.upstream.retry_budget import RetryBudget

if TYPE_CHECKING:
    from collections.abc import Coroutine, Sequence

    from moorage_serving.gateway.errors import GatewayError
    from moorage_serving.gateway.upstream.canary import Canary
    from moorage_serving.gateway.upstream.endpoint import Endpoint
    from moorage_serving.gateway.upstream.metrics import UpstreamMetrics
    from moorage_serving.gateway.upstream.opened_answer import OpenedAnswer
    from moorage_serving.gateway.upstream.upstream import Upstream

MAX_TRIES = 3
FIRST_LOOK_UP_SECONDS = 5.0


@dataclass(slots=True)
class EngineCall:
    """What an engine is asked. `conversation`: calls with the same one are best sent to the same endpoint.

    `first_byte_seconds` bounds each try. `revision` is what `Route.choose_revision` said. The body is let go of when
    an engine has it. `upstream_name` is written by the route: the upstream that was asked last.
    """

    path: str
    body: bytes
    headers: dict[str, str]
    conversation: bytes | None
    first_byte_seconds: float
    revision: str | None = None
    upstream_name: str = ""


class Route:
    """One model. Upstreams of one pool share the load; pools are tried in the order of their first members.

    A canary's revision has pools of its own, which only its conversations come to. They fall back to the others.
    """

    def __init__(
        self,
        model: str,
        upstreams: Sequence[Upstream],
        metrics: UpstreamMetrics,
        *,
        canary: Canary | None = None,
        hedge_after_seconds: float | None = None,
    ) -> None:
        self.model = model
        self.upstreams = upstreams
        adapters = dict.fromkeys(name for upstream in upstreams for name in upstream.config.adapters)
        self.names = [model, *adapters]
        stable = [u for u in upstreams if canary is None or u.config.revision != canary.config.revision]
        # Where all have the canary's revision, there is nothing to choose.
        self.canary = canary if stable else None
        self.revision = (stable or upstreams)[0].config.revision
        self.can_be_started = any(upstream.config.activation is not None for upstream in upstreams)
        self._hedge_after_seconds = hedge_after_seconds
        self._metrics = metrics
        self._budget = RetryBudget()
        self.rebuild()

    def rebuild(self) -> None:
        """Endpoints have come or gone."""
        canary = self.canary
        is_new = [canary is not None and u.config.revision == canary.config.revision for u in self.upstreams]
        self._stable = pools_of([u for u, new in zip(self.upstreams, is_new, strict=True) if not new])
        self._new = pools_of([u for u, new in zip(self.upstreams, is_new, strict=True) if new])
        self.endpoints = [endpoint for upstream in self.upstreams for endpoint in upstream.endpoints]

    def choose_revision(self, conversation: bytes) -> str:
        """Which weights answer a conversation, as long as an engine that has them can."""
        canary = self.canary
        return canary.config.revision if canary is not None and canary.takes(conversation) else self.revision

    def capacity(self) -> int | None:
        """How many requests may be with engines at one time. None: without a limit.

        0 while no engine is up and one can be started: requests are worth holding. Where none can be started they are
        let through, to be told at once.
        """
        now = time.monotonic()
        slots = (
            [endpoint.slots for endpoint in self.endpoints if endpoint.is_usable(now)]
            or [endpoint.slots for endpoint in self.endpoints if endpoint.is_last_resort(now)]
            or [0.0 if self.can_be_started else UNLIMITED]
        )
        total = sum(slots)
        return None if total == UNLIMITED else int(total)

    def judge(self, now: float) -> None:
        """To be called every second or so: puts endpoints aside that do much worse than those beside them."""
        for pool in (*self._stable, *self._new):
            pool.eject_outliers(now)

    async def open(self, call: EngineCall) -> OpenedAnswer:
        """An answer whose first bytes have come.

        An engine that cannot be reached, breaks off or is silent before them, or answers 429 or 500 to 504, costs the
        request nothing but time: the next one is asked. Three engines at most begin to work on it, two where one was
        silent for `first_byte_seconds`. Where none does better, the last failed answer is passed on. Afterwards an
        answer is never begun anew: the client has seen a part of it. Raises GatewayError.
        """
        if not self.endpoints:
            await self._first_look_up()
        tried: list[Endpoint] = []
        refused: OpenedAnswer | None = None
        failure: GatewayError | None = None
        tries_left = MAX_TRIES
        self._budget.deposit()
        try:
            while tries_left > 0 and (endpoint := self._choose(call, tried)) is not None:
                if tries_left < MAX_TRIES and not self._budget.withdraw():
                    break
                self._note_choice(call, endpoint, tried)
                tried.append(endpoint)
                try:
                    opened = await self._ask_hedged(endpoint, call, tried)
                except NoAnswerError as error:
                    failure = error.answer
                    tries_left -= error.tries
                    continue
                if opened.status not in FAILED_STATUSES:
                    return opened
                tries_left -= 1
                self._note_refusal(opened)
                if refused is not None:
                    refused.close()
                refused = opened
            if refused is not None:
                last, refused = refused, None
                return last
        finally:
            if refused is not None:
                refused.close()
        raise failure or self._nobody()

    async def _first_look_up(self) -> None:
        """Host names that a new configuration brought are looked up while its first requests come."""
        with suppress(TimeoutError):
            async with asyncio.timeout(FIRST_LOOK_UP_SECONDS):
                for upstream in self.upstreams:
                    await upstream.looked_up.wait()

    def _choose(self, call: EngineCall, tried: list[Endpoint]) -> Endpoint | None:
        """An endpoint of the first pool that has one.

        Where all endpoints failed lately, one of them is tried nevertheless: waiting would not help the client. nginx
        does the same (`max_fails` of a group with one server is ignored).
        """
        now = time.monotonic()
        pools = self._stable
        if self.canary is not None and call.revision == self.canary.config.revision:
            pools = (*self._new, *self._stable)
        for pool in pools:
            if (endpoint := pool.choose(call.conversation, now, tried)) is not None:
                return endpoint
        rest = [endpoint for pool in pools for endpoint in pool.endpoints if endpoint not in tried]
        if any(endpoint.is_usable(now) for endpoint in rest):
            return None
        return next((e for e in rest if e.is_last_resort(now) and e.has_room), None)

    async def _ask_hedged(self, endpoint: Endpoint, call: EngineCall, tried: list[Endpoint]) -> OpenedAnswer:
        if self._hedge_after_seconds is None:
            return await ask(endpoint, call, self.canary, self._metrics)

        def second() -> Coroutine[None, None, OpenedAnswer] | None:
            other = self._choose(call, tried)
            if other is None or not self._budget.withdraw():
                return None
            tried.append(other)
            self._metrics.hedges.labels(other.name).inc()
            return ask(other, call, self.canary, self._metrics)

        return await first_answer(ask(endpoint, call, self.canary, self._metrics), self._hedge_after_seconds, second)

    def _note_refusal(self, opened: OpenedAnswer) -> None:
        endpoint = opened.endpoint
        self._metrics.failures.labels(endpoint.name, "status").inc()
        if (seconds := retry_after_seconds(opened)) is not None:
            endpoint.set_aside(seconds)

    def _note_choice(self, call: EngineCall, endpoint: Endpoint, tried: list[Endpoint]) -> None:
        if tried:
            self._metrics.failovers.labels(endpoint.name).inc()
        elif self.canary is not None:
            self._note_absence(self.canary, call, endpoint)

    def _note_absence(self, canary: Canary, call: EngineCall, endpoint: Endpoint) -> None:
        """A canary that is down fails its conversations, although another revision answers them."""
        revision = canary.config.revision
        if call.revision == revision != endpoint.config.revision:
            now = time.monotonic()
            if not any(other.is_usable(now) for pool in self._new for other in pool.endpoints):
                canary.record(revision, None, failed=True)

    def _nobody(self) -> GatewayError:
        """Why there was nobody to ask."""
        now = time.monotonic()
        up = [endpoint for endpoint in self.endpoints if endpoint.is_up]
        if not all(endpoint.has_room for endpoint in up):
            return errors.overloaded()
        pauses = [endpoint.set_aside_until - now for endpoint in up if endpoint.set_aside_until > now]
        return overloaded_for(min(pauses)) if pauses else errors.upstream_unreachable()
