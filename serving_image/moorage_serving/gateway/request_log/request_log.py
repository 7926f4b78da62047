"""The request log of one gateway process."""

from __future__ import annotations

from typing import TYPE_CHECKING

from moorage_serving.gateway.request_log.document_redaction import DocumentRedaction
from moorage_serving.gateway.request_log.recording import Recording
from moorage_serving.gateway.request_log.sampling import is_sampled
from moorage_serving.gateway.request_log.writer import Writer

if TYPE_CHECKING:
    from collections.abc import Iterable

    from moorage_serving.gateway.request_log.key_ring import KeyRing
    from moorage_serving.gateway.request_log.metrics import RequestLogMetrics
    from moorage_serving.gateway.request_log.redactor import Redactor
    from moorage_serving.gateway.request_log.sink import Sink


class RequestLog:
    """Says which requests are recorded, and owns the thread that writes them."""

    def __init__(
        self,
        *,
        sink: Sink,
        key_ring: KeyRing,
        redactor: Redactor,
        tenants: Iterable[str],
        sample_ratio: float,
        retention_days: int,
        metrics: RequestLogMetrics,
    ) -> None:
        self._tenants = frozenset(tenants)
        self._sample_ratio = sample_ratio
        self._writer = Writer(sink, key_ring, DocumentRedaction(redactor), retention_days, metrics)

    def begin(self, tenant_id: str, request_id: bytes) -> Recording | None:
        """What to tell of this request; None when it is not to be recorded."""
        if tenant_id in self._tenants and is_sampled(request_id, self._sample_ratio):
            return Recording(self._writer.take)
        return None

    def close(self, timeout_seconds: float = 5.0) -> None:
        """Write what is queued; blocks, so call it outside of the event loop."""
        self._writer.close(timeout_seconds)
