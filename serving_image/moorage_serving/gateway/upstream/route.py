"""The engines that serve one model, and how a request gets its answer from one of them."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog

from moorage_serving.gateway import errors
from moorage_serving.gateway.responses import header
from moorage_serving.gateway.upstream.endpoint import UNLIMITED
from moorage_serving.gateway.upstream.hedging import first_answer
from moorage_serving.gateway.upstream.openai_http import READ_ERRORS, BrokenError, ConnectError
from moorage_serving.gateway.upstream.opened_answer import FAILED_STATUSES, OpenedAnswer
from moorage_serving.gateway.upstream.pool import pools_of
from moorage_serving.gateway.upstream.retry_budget import RetryBudget

if TYPE_CHECKING:
    from collections.abc import Coroutine, Sequence

    from moorage_serving.gateway.errors import GatewayError
    from moorage_serving.gateway.upstream.canary import Canary
    from moorage_serving.gateway.upstream.endpoint import Endpoint
    from moorage_serving.gateway.upstream.metrics import UpstreamMetrics
    from moorage_serving.gateway.upstream.transport import EngineAnswer
    from moorage_serving.gateway.upstream.upstream import Upstream

log = structlog.get_logger("route")
MAX_TRIES = 3
TRIES_OF_A_TIMEOUT = 2


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


class NoAnswerError(Exception):
    """An endpoint gave no answer. `answer` is what the client is told if no other does; `tries` is what it cost."""

    def __init__(self, answer: GatewayError, tries: int) -> None:
        super().__init__(answer.code)
        self.answer = answer
        self.tries = tries


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
        tried: list[Endpoint] = []
        refused: OpenedAnswer | None = None
        failure: GatewayError | None = None
        tries_left = MAX_TRIES
        self._budget.deposit()
        try:
            while tries_left > 0 and (endpoint := self._choose(call, tried)) is not None:
                if tries_left < MAX_TRIES and not self._budget.withdraw():
                    break
                if tried:
                    self._metrics.failovers.labels(endpoint.name).inc()
                elif self.canary is not None:
                    self._note_absence(self.canary, call, endpoint)
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
            return await self._ask(endpoint, call)

        def second() -> Coroutine[None, None, OpenedAnswer] | None:
            other = self._choose(call, tried)
            if other is None or not self._budget.withdraw():
                return None
            tried.append(other)
            self._metrics.hedges.labels(other.name).inc()
            return self._ask(other, call)

        return await first_answer(self._ask(endpoint, call), self._hedge_after_seconds, second)

    async def _ask(self, endpoint: Endpoint, call: EngineCall) -> OpenedAnswer:
        """One endpoint's answer. Raises NoAnswerError."""
        answer: EngineAnswer | None = None
        opened: OpenedAnswer | None = None
        call.upstream_name = endpoint.name
        asked_at = time.monotonic()
        endpoint.take()
        try:
            async with asyncio.timeout(call.first_byte_seconds):
                answer = await endpoint.transport.send(call.path, call.body, call.headers)
                first = await answer.read()
            opened = OpenedAnswer(endpoint, answer, first, asked_at, self.canary)
        except ConnectError as error:
            endpoint.suspected()
            raise self._failed(endpoint, error, errors.upstream_unreachable(), 0) from error
        except TimeoutError as error:  # also an OSError, so before these
            late = f"The engine did not begin its answer in {call.first_byte_seconds:g} s."
            raise self._failed(endpoint, error, errors.upstream_timeout(late), TRIES_OF_A_TIMEOUT) from error
        except (BrokenError, *READ_ERRORS) as error:
            broken = errors.upstream_failed("The engine broke off before its answer began.")
            raise self._failed(endpoint, error, broken, 1) from error
        else:
            if opened.status not in FAILED_STATUSES:
                endpoint.breaker.answer()
            return opened
        finally:
            if opened is None:
                if answer is not None:
                    answer.close()
                endpoint.give_up()
                endpoint.release()

    def _failed(self, endpoint: Endpoint, error: Exception, answer: GatewayError, tries: int) -> NoAnswerError:
        log.warning("upstream_failed", upstream=endpoint.unique_name, code=answer.code, error=type(error).__name__)
        self._metrics.failures.labels(endpoint.name, answer.code).inc()
        endpoint.record(None, failed=True)
        if self.canary is not None:
            self.canary.record(endpoint.config.revision, None, failed=True)
        return NoAnswerError(answer, tries)

    def _note_refusal(self, opened: OpenedAnswer) -> None:
        endpoint = opened.endpoint
        self._metrics.failures.labels(endpoint.name, "status").inc()
        if (seconds := retry_after_seconds(opened)) is not None:
            endpoint.set_aside(seconds)

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


def retry_after_seconds(opened: OpenedAnswer) -> float | None:
    """Seconds out of `retry-after`; None for none, and for a date: engines do not write dates."""
    value = header(((name.lower(), value) for name, value in opened.headers), b"retry-after")
    return float(value) if value is not None and value.isdigit() else None


def overloaded_for(seconds: float) -> GatewayError:
    """Every engine has asked to be left alone for so long."""
    error = errors.overloaded()
    error.headers = ((b"retry-after", b"%d" % max(1, round(seconds + 0.5))),)
    return error
