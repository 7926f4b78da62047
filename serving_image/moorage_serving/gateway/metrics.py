"""What Prometheus sees. Names and buckets follow vLLM's and OpenTelemetry's for generative AI.

Labels have bounded values: endpoints, configured models, upstreams and key ids, status codes. What a client merely
writes into a request (an unknown model, an unknown path) never becomes one.
"""

from __future__ import annotations

from collections import Counter as Counts
from typing import TYPE_CHECKING

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from moorage_serving.gateway.admission.metrics import AdmissionMetrics

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from moorage_serving.gateway.admission.queues import AdmissionQueues
    from moorage_serving.gateway.upstream.generation import Generation
    from moorage_serving.gateway.usage import Usage

# OpenTelemetry, semantic conventions for generative AI: gen_ai.server.time_to_first_token and
# gen_ai.server.request.duration.
FIRST_TOKEN_BUCKETS_SECONDS = (
    *(0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0),
    *(30.0, 60.0, 120.0),  # beyond the conventions: an engine that starts, or a queue
)
DURATION_BUCKETS_SECONDS = (
    *(0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92),
    *(163.84, 327.68),
)
PREFIX = "moorage_gateway"
disable_created_metrics()  # one more series for each of ours, which nothing here reads


class GatewayMetrics:
    """The metrics of one gateway process, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        for collector in (ProcessCollector, PlatformCollector, GCCollector):
            collector(registry=registry)
        self.requests = Counter(
            f"{PREFIX}_requests",
            "Requests that have ended. outcome says how; status 499: the client left before an answer began.",
            ["endpoint", "model", "upstream", "status", "outcome"],
            registry=registry,
        )
        self.tokens = Counter(
            f"{PREFIX}_tokens",
            "Tokens as counted by the engines, of streams and of aborted requests too, where the engine told.",
            ["kind", "key_id", "model"],
            registry=registry,
        )
        self.time_to_first_token = Histogram(
            f"{PREFIX}_time_to_first_token_seconds",
            "From the request's arrival to the first bytes of a streamed answer.",
            ["endpoint", "model", "upstream"],
            buckets=FIRST_TOKEN_BUCKETS_SECONDS,
            registry=registry,
        )
        self.duration = Histogram(
            f"{PREFIX}_request_duration_seconds",
            "From the request's arrival to the end of its answer.",
            ["endpoint", "model", "upstream"],
            buckets=DURATION_BUCKETS_SECONDS,
            registry=registry,
        )
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
        self.usage_dropped_tokens = Counter(
            f"{PREFIX}_usage_ledger_dropped_tokens",
            "Tokens that were not added to Redis, and will not be.",
            registry=registry,
        )
        self.usage_flushes_failed = Counter(
            f"{PREFIX}_usage_ledger_flush_failures",
            "Attempts to write usage to Redis that failed.",
            registry=registry,
        )

    def count_tokens(self, usage: Usage, key_id: str, model: str) -> None:
        """What an engine told of one answer."""
        self.tokens.labels("prompt", key_id, model).inc(usage.prompt_tokens)
        self.tokens.labels("completion", key_id, model).inc(usage.completion_tokens)

    def watch(self, generations: Callable[[], Sequence[Generation]], queues: AdmissionQueues) -> None:
        """Report the active configuration (the first one), all engines' connections and queues, read at each scrape."""
        self.registry.register(GenerationCollector(generations))
        AdmissionMetrics(self.registry, queues)

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
        for endpoint in {endpoint for generation in generations for endpoint in generation.endpoints}:
            counts[endpoint.name, "busy"] += endpoint.transport.busy_connections
            counts[endpoint.name, "idle"] += endpoint.transport.idle_connections
        for labels, count in sorted(counts.items()):
            connections.add_metric(labels, count)
        yield connections
