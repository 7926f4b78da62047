"""Asks one endpoint, up to the first byte of its answer."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import structlog

from moorage_serving.gateway import errors
from moorage_serving.gateway.upstream.connections import READ_ERRORS, BrokenError, ConnectError
from moorage_serving.gateway.upstream.opened_answer import FAILED_STATUSES, OpenedAnswer
from moorage_serving.gateway.watch import TimeLimit

if TYPE_CHECKING:
    from moorage_serving.gateway.errors import GatewayError
    from moorage_serving.gateway.upstream.canary import Canary
    from moorage_serving.gateway.upstream.endpoint import Endpoint
    from moorage_serving.gateway.upstream.metrics import UpstreamMetrics
    from moorage_serving.gateway.upstream.route import EngineCall
    from moorage_serving.gateway.upstream.transport import EngineAnswer

log = structlog.get_logger("route")
# Two silent engines have taken as much of the client's patience as three that failed quickly.
TRIES_OF_A_TIMEOUT = 2
REASONS = {ConnectError: "unreachable", TimeoutError: "timeout"}


class NoAnswerError(Exception):
    """An endpoint gave no answer. `answer` is what the client is told if no other does; `tries` is what it cost."""

    def __init__(self, answer: GatewayError, tries: int) -> None:
        super().__init__(answer.code)
        self.answer = answer
        self.tries = tries


async def ask(endpoint: Endpoint, call: EngineCall, canary: Canary | None, metrics: UpstreamMetrics) -> OpenedAnswer:
    """The endpoint's answer, which may be an error of the engine. Raises NoAnswerError.

    Whatever happens, the endpoint's place is given back: here, or when the answer is closed.
    """
    answer: EngineAnswer | None = None
    opened: OpenedAnswer | None = None
    call.upstream_name = endpoint.name
    asked_at = time.monotonic()
    endpoint.take()
    limit = TimeLimit(call.first_byte_seconds)
    try:
        answer = await endpoint.transport.send(call.path, call.body, call.headers)
        first = await answer.read()
        opened = OpenedAnswer(endpoint, answer, first, asked_at, canary)
    except ConnectError as error:
        endpoint.suspected()
        _note_failure(endpoint, canary, metrics, error)
        raise NoAnswerError(errors.upstream_unreachable(), 0) from error
    except asyncio.CancelledError:
        if not limit.absorb():
            raise
        _note_failure(endpoint, canary, metrics, TimeoutError())
        late = f"The engine did not begin its answer in {call.first_byte_seconds:g} s."
        raise NoAnswerError(errors.upstream_timeout(late), TRIES_OF_A_TIMEOUT) from None
    except (BrokenError, *READ_ERRORS) as error:
        _note_failure(endpoint, canary, metrics, error)
        raise NoAnswerError(errors.upstream_failed("The engine broke off before its answer began."), 1) from error
    else:
        if opened.status not in FAILED_STATUSES:
            endpoint.breaker.answer()
        return opened
    finally:
        limit.stop()
        if opened is None:
            if answer is not None:
                answer.close()
            endpoint.give_up()
            endpoint.release()


def _note_failure(endpoint: Endpoint, canary: Canary | None, metrics: UpstreamMetrics, error: Exception) -> None:
    reason = REASONS.get(type(error), "broken")
    log.warning("upstream_failed", upstream=endpoint.unique_name, reason=reason, error=type(error).__name__)
    metrics.failures.labels(endpoint.name, reason).inc()
    endpoint.record(None, failed=True)
    if canary is not None:
        canary.record(endpoint.config.revision, None, failed=True)
