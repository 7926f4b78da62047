"""What one queue remembers for metrics."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from moorage_serving.gateway.admission.rejections import Reason

WAIT_BUCKETS_SECONDS = (0.0, 0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0)
# Tenants are configured, not invented by clients; but there may be very many, and reloads bring new ones.
MAX_TENANT_LABELS = 200
OTHER_TENANTS = "other"


class QueueStatistics:
    """Counts since the start. Those that found a place at once cost one addition."""

    __slots__ = ("_tenants", "admitted_at_once", "rejected", "wait_counts", "wait_sum_seconds")

    def __init__(self) -> None:
        self.admitted_at_once = 0
        self.wait_counts = [0] * (len(WAIT_BUCKETS_SECONDS) + 1)
        self.wait_sum_seconds = 0.0
        self.rejected: Counter[tuple[str, Reason]] = Counter()
        self._tenants: set[str] = set()

    def waited(self, seconds: float) -> None:
        """A request got its place after `seconds`."""
        self.wait_counts[bisect_left(WAIT_BUCKETS_SECONDS, seconds)] += 1
        self.wait_sum_seconds += seconds

    def reject(self, tenant: str, reason: Reason) -> None:
        """A request got none."""
        if len(self._tenants) < MAX_TENANT_LABELS:
            self._tenants.add(tenant)
        self.rejected[tenant if tenant in self._tenants else OTHER_TENANTS, reason] += 1
