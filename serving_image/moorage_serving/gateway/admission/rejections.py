"""What those are told that get no place: 503, and when to come again."""

from __future__ import annotations

import math
from enum import StrEnum

from moorage_serving.gateway.errors import GatewayError

MIN_RETRY_AFTER_SECONDS = 1
# OpenAI's client takes no notice of more than a minute (openai 2.x, `_calculate_retry_timeout`, 2026-11).
MAX_RETRY_AFTER_SECONDS = 60


class Reason(StrEnum):
    """Why a request got no place, as metrics have it."""

    QUEUE_FULL = "queue_full"
    DEADLINE = "deadline"
    SHED = "shed"


def queue_full(retry_after_seconds: float) -> GatewayError:
    return _overloaded("queue_full", "Too many requests wait for this model.", retry_after_seconds)


def shed(retry_after_seconds: float) -> GatewayError:
    message = "The request had to give up its place in the full queue to another one."
    return _overloaded("shed", message, retry_after_seconds)


def deadline_unreachable(predicted_seconds: float, deadline_seconds: float) -> GatewayError:
    message = (
        f"The request would have to wait for about {predicted_seconds:.3g} s; its deadline is {_s(deadline_seconds)}."
    )
    return _overloaded("deadline_unreachable", message, predicted_seconds - deadline_seconds)


def deadline_exceeded(deadline_seconds: float, retry_after_seconds: float) -> GatewayError:
    message = f"No engine had a place for the request within {_s(deadline_seconds)}."
    return _overloaded("deadline_exceeded", message, retry_after_seconds)


def _overloaded(code: str, message: str, retry_after_seconds: float) -> GatewayError:
    seconds = min(max(math.ceil(retry_after_seconds), MIN_RETRY_AFTER_SECONDS), MAX_RETRY_AFTER_SECONDS)
    headers = ((b"retry-after", b"%d" % seconds),)
    return GatewayError(503, code, f"{message} Try again later.", type="overloaded_error", headers=headers)


def _s(seconds: float) -> str:
    return f"{seconds:g} s"
