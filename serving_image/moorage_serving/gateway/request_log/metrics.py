"""What Prometheus sees of the request log."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import Counter

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry


class RequestLogMetrics:
    """Every result is there from the start, with zero: an alert on a series that is missing never fires."""

    def __init__(self, registry: CollectorRegistry) -> None:
        objects = Counter(
            "moorage_gateway_request_log_objects",
            "Sampled requests: written, dropped because the queue was full or the texts too large, or failed to write.",
            ["result"],
            registry=registry,
        )
        self.written = objects.labels("written")
        self.dropped_queue_full = objects.labels("dropped_queue_full")
        self.dropped_too_large = objects.labels("dropped_too_large")
        self.failed = objects.labels("failed")
        self.expired = Counter(
            "moorage_gateway_request_log_expired_objects", "Objects deleted after their retention.", registry=registry
        )
