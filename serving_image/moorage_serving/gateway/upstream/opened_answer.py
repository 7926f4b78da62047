"""An engine's answer that has begun."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from moorage_serving.gateway.upstream.endpoint import Endpoint
    from moorage_serving.gateway.upstream.transport import EngineAnswer

# Another engine may do better. 429 is an engine's own limit, not the tenant's.
TOO_MANY_REQUESTS = 429
FAILED_STATUSES = frozenset({TOO_MANY_REQUESTS, 500, 502, 503, 504})


class OpenedAnswer:
    """`first` is the first piece of its body, the rest is read. Must be closed; only the first time counts."""

    __slots__ = ("_answer", "_closed", "endpoint", "first", "first_byte_seconds", "headers", "read", "status")

    def __init__(self, endpoint: Endpoint, answer: EngineAnswer, first: bytes, asked_at: float) -> None:
        self._answer = answer
        self._closed = False
        self.endpoint = endpoint
        self.first = first
        self.first_byte_seconds = time.monotonic() - asked_at
        self.status = answer.status
        self.headers = answer.headers
        self.read = answer.read

    def close(self, *, failed: bool = False) -> None:
        """Give the place at the endpoint back. `failed`: the engine broke off or fell silent."""
        if self._closed:
            return
        self._closed = True
        self._answer.close()
        breaker, now = self.endpoint.breaker, time.monotonic()
        if self.status == TOO_MANY_REQUESTS:
            breaker.abandon(now)
        elif failed or self.status in FAILED_STATUSES:
            breaker.fail(now)
        else:
            breaker.succeed(now)
        self.endpoint.release()
