"""What Prometheus sees of a gateway process. Measurements of requests are in telemetry/request_metrics.py."""

from __future__ import annotations

from collections import Counter as Counts
from typing import TYPE_CHECKING

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from moorage_serving.gateway.admission.metrics import AdmissionMetrics
from moorage_serving.gateway.telemetry.request_metrics import RequestMetrics
from moorage_serving.gateway.telemetry.request_totals import request_totals
from moorage_serving.gateway.telemetry.vllm_names import VllmNames

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from moorage_serving.gateway.admission.queues import AdmissionQueues
    from moorage_serving.gateway.telemetry.request_totals import RequestTotals
    from moorage_serving.gateway.upstream.generation import Generation

PREFIX = "moorage_gateway"
disable_created_metrics()  # one more series for each of ours, which nothing here reads


class GatewayMetrics:
    """The metrics of one gateway process, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        for collector in (ProcessCollector, PlatformCollector, GCCollector):
            collector(registry=registry)
        self._requests = requests = CollectorRegistry()
        self.requests = RequestMetrics(requests)
        registry.register(requests)
        registry.register(VllmNames(requests))
        self.in_flight = Gauge(
            f"{PREFIX}_requests_in_flight", "Requests being served now.", ["endpoint"], registry=registry
        )
        self.config_reloads_failed = Counter(
            f"{PREFIX}_config_reload_failures",
            "Reloads refused because the file was unreadable or invalid; the gateway goes on with what it had.",
            registry=registry,
        )
        self.config_reloaded_at = Gauge(
            f"{PREFIX}_config_last_reload_success_timestamp_seconds",
            "When the active configuration was read (Unix time).",
            registry=registry,
        )

    def watch(self, generations: Callable[[], Sequence[Generation]], queues: AdmissionQueues) -> None:
        """Report the active configuration (the first one), all engines' connections and queues, read at each scrape."""
        self.registry.register(GenerationCollector(generations))
        AdmissionMetrics(self.registry, queues)

    def request_totals(self) -> RequestTotals:
        """What has been measured of requests, added up."""
        return request_totals(self._requests.collect())

    def render(self) -> bytes:
        """The text exposition."""
        return generate_latest(self.registry)


class GenerationCollector(Collector):
    """Gauges that are a look at the active generation, and at those that requests still run in."""

    def __init__(self, generations: Callable[[], Sequence[Generation]]) -> None:
        self._generations = generations

    def collect(self) -> Iterable[Metric]:
        generations = self._generations()
        info = GaugeMetricFamily(
            f"{PREFIX}_config_info", "1; names the active configuration by its file's SHA-256.", labels=["sha256"]
        )
        info.add_metric([generations[0].loaded.sha256], 1)
        yield info
        connections = GaugeMetricFamily(
            f"{PREFIX}_upstream_connections", "Open connections to an engine.", labels=["upstream", "state"]
        )
        counts: Counts[tuple[str, str]] = Counts()
        for upstream in {upstream for generation in generations for upstream in generation.upstreams}:
            counts[upstream.config.name, "busy"] += upstream.busy_connections
            counts[upstream.config.name, "idle"] += upstream.idle_connections
        for labels, count in sorted(counts.items()):
            connections.add_metric(labels, count)
        yield connections
