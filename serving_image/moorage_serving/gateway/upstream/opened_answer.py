"""An engine's answer that has begun."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from moorage_serving.gateway.upstream.canary import Canary
    from moorage_serving.gateway.upstream.endpoint import Endpoint
    from moorage_serving.gateway.upstream.transport import EngineAnswer

OK = 200
# Another engine may do better. 429 is an engine's own limit, not the tenant's.
TOO_MANY_REQUESTS = 429
FAILED_STATUSES = frozenset({TOO_MANY_REQUESTS, 500, 502, 503, 504})


class OpenedAnswer:
    """`first` is the first piece of its body, the rest is read. Must be closed; only the first time counts."""

    __slots__ = (
        "_answer",
        "_canary",
        "_closed",
        "_first_byte_seconds",
        "endpoint",
        "first",
        "headers",
        "read",
        "status",
    )

    def __init__(
        self, endpoint: Endpoint, answer: EngineAnswer, first: bytes, asked_at: float, canary: Canary | None
    ) -> None:
        self._answer = answer
        self._canary = canary
        self._closed = False
        self._first_byte_seconds = time.monotonic() - asked_at
        self.endpoint = endpoint
        self.first = first
        self.status: int = answer.status
        self.headers = answer.headers
        self.read = answer.read

    def close(self, *, failed: bool = False) -> None:
        """Give the place at the endpoint back. `failed`: the engine broke off or fell silent."""
        if self._closed:
            return
        self._closed = True
        self._answer.close()
        self.endpoint.release()
        if self.status == TOO_MANY_REQUESTS:
            self.endpoint.give_up()
            return
        failed = failed or self.status in FAILED_STATUSES
        seconds = self._first_byte_seconds if self.status == OK else None
        self.endpoint.record(seconds, failed=failed)
        if self._canary is not None:
            self._canary.record(self.endpoint.config.revision, seconds, failed=failed)
