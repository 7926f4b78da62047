"""Sends traces and metrics of one gateway process to an OpenTelemetry collector, by OTLP over HTTP.

Imported only where a configuration asks for it. Headers for the collector, such as its key, come from the SDK's own
environment variable, OTEL_EXPORTER_OTLP_HEADERS.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
import uuid
from typing import TYPE_CHECKING

import structlog
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.metrics.export import MetricExportResult
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from moorage_serving.gateway.telemetry.otlp_metrics import as_otlp
from moorage_serving.gateway.telemetry.tracing import Tracing

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

log = structlog.get_logger("telemetry")
EXPORT_TIMEOUT_SECONDS = 5
# The SDK's default for metrics, and a shorter one than its default for spans: a trace is looked at while it is fresh.
METRICS_INTERVAL_SECONDS = 60.0
SPANS_INTERVAL_MILLISECONDS = 2000


class Telemetry:
    """Made in the event loop. `tracing` begins spans."""

    def __init__(
        self,
        registry: CollectorRegistry,
        *,
        otlp_endpoint: str,
        trace_sample_ratio: float,
        metrics_interval_seconds: float = METRICS_INTERVAL_SECONDS,
    ) -> None:
        # Every process counts for itself: without an id of its own, the collector would take them for one.
        self._resource = Resource.create({"service.name": "moorage-gateway", "service.instance.id": str(uuid.uuid4())})
        endpoint = otlp_endpoint.rstrip("/")
        spans = OTLPSpanExporter(endpoint=f"{endpoint}/v1/traces", timeout=EXPORT_TIMEOUT_SECONDS)
        processor = BatchSpanProcessor(spans, schedule_delay_millis=SPANS_INTERVAL_MILLISECONDS)
        self.tracing = Tracing(processor, self._resource, trace_sample_ratio)
        self._exporter = OTLPMetricExporter(endpoint=f"{endpoint}/v1/metrics", timeout=EXPORT_TIMEOUT_SECONDS)
        self._registry = registry
        self._interval_seconds = metrics_interval_seconds
        self._started_at_unix_nano = time.time_ns()
        self._task = asyncio.get_running_loop().create_task(self._send_metrics_for_ever())

    async def close(self) -> None:
        """Send what is pending."""
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task
        await self._send_metrics()
        await asyncio.to_thread(self._exporter.shutdown)
        await asyncio.to_thread(self.tracing.close)

    async def _send_metrics_for_ever(self) -> None:
        while True:
            await asyncio.sleep(self._interval_seconds)
            await self._send_metrics()

    async def _send_metrics(self) -> None:
        """Reads in the event loop, as /metrics does; encodes and sends in a thread."""
        families = list(self._registry.collect())
        data = as_otlp(families, self._resource, self._started_at_unix_nano, time.time_ns())
        if await asyncio.to_thread(self._exporter.export, data) is not MetricExportResult.SUCCESS:
            log.warning("metrics_not_exported")
