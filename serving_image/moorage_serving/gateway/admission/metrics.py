"""What Prometheus sees of the queues."""

from __future__ import annotations

from itertools import accumulate
from typing import TYPE_CHECKING

from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from moorage_serving.gateway.admission.statistics import WAIT_BUCKETS_SECONDS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from prometheus_client import CollectorRegistry

    from moorage_serving.gateway.admission.queues import AdmissionQueues
    from moorage_serving.gateway.admission.statistics import QueueStatistics

PREFIX = "moorage_gateway"
BUCKET_NAMES = (*(str(bound) for bound in WAIT_BUCKETS_SECONDS), "+Inf")


class AdmissionMetrics(Collector):
    """Reads the queues when Prometheus asks: a request pays for a few additions, and nothing for labels."""

    def __init__(self, registry: CollectorRegistry, queues: AdmissionQueues) -> None:
        self._queues = queues
        registry.register(self)

    def collect(self) -> Iterable[Metric]:
        queued = GaugeMetricFamily(f"{PREFIX}_queued_requests", "Requests that wait for an engine.", labels=["model"])
        demand = GaugeMetricFamily(
            f"{PREFIX}_demand_requests",
            "Requests in service and waiting: what engines are needed for. Zero, not absent, without requests.",
            labels=["model"],
        )
        wait = HistogramMetricFamily(
            f"{PREFIX}_queue_wait_seconds",
            "From asking for a place to having one, of requests that got one; zero for those that did at once.",
            labels=["model"],
        )
        rejected = CounterMetricFamily(
            f"{PREFIX}_admission_rejected_requests",
            "Requests that got no place: queue_full, deadline (passed, or predicted to) or shed.",
            labels=["model", "tenant", "reason"],
        )
        for model, queue in self._queues:
            queued.add_metric([model], queue.queued)
            demand.add_metric([model], queue.in_service + queue.queued)
            add_waits(wait, model, queue.statistics)
            for (tenant, reason), count in sorted(queue.statistics.rejected.items()):
                rejected.add_metric([model, tenant, reason.value], count)
        return queued, demand, wait, rejected


def add_waits(family: HistogramMetricFamily, model: str, statistics: QueueStatistics) -> None:
    """One model's histogram; those that found a place at once are in every bucket."""
    counts = accumulate(statistics.wait_counts, initial=statistics.admitted_at_once)
    next(counts)
    family.add_metric([model], list(zip(BUCKET_NAMES, counts, strict=True)), statistics.wait_sum_seconds)
