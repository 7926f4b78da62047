"""The engines that serve one model, and how a request gets its answer from one of them."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog

from moorage_serving.gateway import errors
from moorage_serving.gateway.responses import header
from moorage_serving.gateway.upstream.openai_http import READ_ERRORS, BrokenError, ConnectError
from moorage_serving.gateway.upstream.opened_answer import FAILED_STATUSES, OpenedAnswer
from moorage_serving.gateway.upstream.pool import Pool

if TYPE_CHECKING:
    from collections.abc import Sequence

    from moorage_serving.gateway.errors import GatewayError
    from moorage_serving.gateway.upstream.endpoint import Endpoint
    from moorage_serving.gateway.upstream.metrics import UpstreamMetrics
    from moorage_serving.gateway.upstream.transport import EngineAnswer

log = structlog.get_logger("route")
MAX_TRIES = 3
TRIES_OF_A_TIMEOUT = 2


@dataclass(slots=True)
class EngineCall:
    """What an engine is asked. `conversation`: calls with the same one are best sent to the same endpoint.

    `first_byte_seconds` bounds each try. The body is let go of when an engine has it.
    """

    path: str
    body: bytes
    headers: dict[str, str]
    conversation: bytes | None
    first_byte_seconds: float


class NoAnswerError(Exception):
    """An endpoint gave no answer. `answer` is what the client is told if no other does; `tries` is what it cost."""

    def __init__(self, answer: GatewayError, tries: int) -> None:
        super().__init__(answer.code)
        self.answer = answer
        self.tries = tries


class Route:
    """One model. `pools` are tried in order; endpoints of a pool share the load."""

    def __init__(self, model: str, pools: Sequence[Sequence[Endpoint]], metrics: UpstreamMetrics) -> None:
        self.model = model
        self.pools = [Pool(endpoints) for endpoints in pools]
        adapters = dict.fromkeys(name for pool in pools for endpoint in pool for name in endpoint.config.adapters)
        self.names = [model, *adapters]
        self._metrics = metrics

    @property
    def endpoints(self) -> list[Endpoint]:
        return [endpoint for pool in self.pools for endpoint in pool.endpoints]

    @property
    def revision(self) -> str:
        """Which weights answer, as long as the first pool does."""
        return self.pools[0].endpoints[0].config.revision

    def capacity(self) -> int | None:
        """How many requests may be with engines at one time: None without a limit, 0 while no engine is up."""
        now = time.monotonic()
        endpoints = self.endpoints
        usable = [endpoint for endpoint in endpoints if endpoint.is_usable(now)]
        slots = sum(
            endpoint.slots for endpoint in usable or endpoints if endpoint.is_up and now >= endpoint.set_aside_until
        )
        return None if slots == float("inf") else int(slots)

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
        try:
            while tries_left > 0 and (endpoint := self._choose(call, tried)) is not None:
                if tried:
                    self._metrics.failovers.labels(endpoint.config.name).inc()
                tried.append(endpoint)
                try:
                    opened = await self._ask(endpoint, call)
                except NoAnswerError as error:
                    failure = error.answer
                    tries_left -= error.tries
                    continue
                tries_left -= 1
                if opened.status not in FAILED_STATUSES:
                    return opened
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
        for pool in self.pools:
            if (endpoint := pool.choose(call.conversation, now, tried)) is not None:
                return endpoint
        rest = [endpoint for endpoint in self.endpoints if endpoint not in tried]
        if any(endpoint.is_usable(now) for endpoint in rest):
            return None
        return next((endpoint for endpoint in rest if endpoint.can_be_tried(now)), None)

    async def _ask(self, endpoint: Endpoint, call: EngineCall) -> OpenedAnswer:
        """One endpoint's answer. Raises NoAnswerError."""
        answer: EngineAnswer | None = None
        opened: OpenedAnswer | None = None
        asked_at = time.monotonic()
        endpoint.take()
        try:
            async with asyncio.timeout(call.first_byte_seconds):
                answer = await endpoint.transport.send(call.path, call.body, call.headers)
                opened = OpenedAnswer(endpoint, answer, await answer.read(), asked_at)
        except ConnectError as error:
            raise self._failed(endpoint, error, errors.upstream_unreachable(), 0) from error
        except TimeoutError as error:  # also an OSError, so before these
            late = f"The engine did not begin its answer in {call.first_byte_seconds:g} s."
            raise self._failed(endpoint, error, errors.upstream_timeout(late), TRIES_OF_A_TIMEOUT) from error
        except (BrokenError, *READ_ERRORS) as error:
            broken = errors.upstream_failed("The engine broke off before its answer began.")
            raise self._failed(endpoint, error, broken, 1) from error
        finally:
            if opened is None:
                if answer is not None:
                    answer.close()
                endpoint.breaker.abandon(time.monotonic())
                endpoint.release()
        if opened.status not in FAILED_STATUSES:
            endpoint.breaker.answer()
        return opened

    def _failed(self, endpoint: Endpoint, error: Exception, answer: GatewayError, tries: int) -> NoAnswerError:
        log.warning("upstream_failed", upstream=endpoint.name, code=answer.code, error=type(error).__name__)
        self._metrics.failures.labels(endpoint.config.name, answer.code).inc()
        endpoint.breaker.fail(time.monotonic())
        return NoAnswerError(answer, tries)

    def _note_refusal(self, opened: OpenedAnswer) -> None:
        endpoint = opened.endpoint
        self._metrics.failures.labels(endpoint.config.name, "status").inc()
        if (seconds := retry_after_seconds(opened)) is not None:
            endpoint.set_aside(seconds)

    def _nobody(self) -> GatewayError:
        if any(endpoint.is_up and endpoint.in_flight >= endpoint.slots for endpoint in self.endpoints):
            return errors.overloaded()
        return errors.upstream_unreachable()


def retry_after_seconds(opened: OpenedAnswer) -> float | None:
    """Seconds out of `retry-after`; None for none, and for a date: engines do not write dates."""
    value = header(((name.lower(), value) for name, value in opened.headers), b"retry-after")
    return float(value) if value is not None and value.isdigit() else None
