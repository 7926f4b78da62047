"""What Prometheus is told about limits of tenants."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import Counter, Gauge

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

PREFIX = "moorage_gateway_quota"


class QuotaMetrics:
    """Label values are configured tenants and the four limits, so that there are only so many series."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.rejected = Counter(
            f"{PREFIX}_rejected",
            "Requests answered 429, by the limit in the way: requests, tokens, concurrency or month.",
            ["tenant", "reason"],
            registry=registry,
        )
        self.local = Gauge(
            f"{PREFIX}_counted_locally",
            "1 while this process counts alone, with limits divided by the number of processes, for want of Redis.",
            registry=registry,
        )
