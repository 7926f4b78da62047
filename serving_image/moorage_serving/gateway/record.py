"""What is remembered of one request, and told when it ends, however it ends."""

from __future__ import annotations

import time
from enum import StrEnum
from typing import TYPE_CHECKING

import structlog

if TYPE_CHECKING:
    from moorage_serving.gateway.authentication import Identity
    from moorage_serving.gateway.cache.response_cache import CacheResult
    from moorage_serving.gateway.errors import GatewayError
    from moorage_serving.gateway.metrics import GatewayMetrics
    from moorage_serving.gateway.usage import Usage

access_log = structlog.get_logger("access")
CLIENT_CLOSED_REQUEST = 499


class Outcome(StrEnum):
    """How a request ended."""

    COMPLETED = "completed"
    REJECTED = "rejected"
    CLIENT_DISCONNECTED = "client_disconnected"
    UPSTREAM_UNREACHABLE = "upstream_unreachable"
    UPSTREAM_FAILED = "upstream_failed"
    UPSTREAM_TIMEOUT = "upstream_timeout"
    OVERLOADED = "overloaded"
    SHUT_DOWN = "shut_down"
    FAILED = "failed"

    @classmethod
    def of_error(cls, error: GatewayError) -> Outcome:
        """How a request ended that was answered with this error, where nothing more exact is known."""
        return OUTCOME_OF_CODE.get(error.code, cls.REJECTED if error.status < 500 else cls.FAILED)


OUTCOME_OF_CODE = {
    **dict.fromkeys(
        ("overloaded", "queue_full", "shed", "deadline_unreachable", "deadline_exceeded"), Outcome.OVERLOADED
    ),
    "shutting_down": Outcome.SHUT_DOWN,
    "upstream_unreachable": Outcome.UPSTREAM_UNREACHABLE,
    "upstream_failed": Outcome.UPSTREAM_FAILED,
    "upstream_timeout": Outcome.UPSTREAM_TIMEOUT,
}


class RequestRecord:
    """Facts about one request: no text of a prompt or a completion is among them."""

    __slots__ = (
        "cache",
        "endpoint",
        "error_code",
        "first_byte_at",
        "key_id",
        "model",
        "outcome",
        "request_id",
        "revision",
        "started_at",
        "status",
        "stream",
        "tenant_id",
        "upstream",
        "usage",
    )

    def __init__(self, endpoint: str, request_id: bytes) -> None:
        self.endpoint = endpoint
        self.request_id = request_id
        self.started_at = time.perf_counter()
        self.first_byte_at: float | None = None
        self.key_id = ""
        self.tenant_id = ""
        self.model = ""
        self.revision = ""
        self.cache: CacheResult | None = None
        self.upstream = ""
        self.status = 0
        self.stream = False
        self.usage: Usage | None = None
        self.outcome = Outcome.FAILED
        self.error_code = ""

    def identify(self, identity: Identity) -> None:
        """Remember who asks."""
        self.key_id = identity.key_id
        self.tenant_id = identity.tenant.id

    def finish(self, metrics: GatewayMetrics) -> None:
        """Count the request and write its access line."""
        duration_seconds = time.perf_counter() - self.started_at
        if not self.status:
            self.status = CLIENT_CLOSED_REQUEST
        metrics.requests.count(self, duration_seconds)
        self._log(duration_seconds)

    def _log(self, duration_seconds: float) -> None:
        first_byte_seconds = None if self.first_byte_at is None else round(self.first_byte_at - self.started_at, 6)
        access_log.info(
            "request",
            request_id=self.request_id.decode(),
            key_id=self.key_id or None,
            tenant_id=self.tenant_id or None,
            endpoint=self.endpoint,
            model=self.model or None,
            upstream=self.upstream or None,
            revision=self.revision or None,
            cache=self.cache,
            status=self.status,
            outcome=self.outcome.value,
            stream=self.stream,
            duration_seconds=round(duration_seconds, 6),
            first_byte_seconds=first_byte_seconds,
            prompt_tokens=self.usage and self.usage.prompt_tokens,
            completion_tokens=self.usage and self.usage.completion_tokens,
        )
