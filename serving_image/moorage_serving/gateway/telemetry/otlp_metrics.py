"""Prometheus' families as OTLP has them. Nothing is measured twice: this reads what Prometheus would be told."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    Gauge,
    Histogram,
    HistogramDataPoint,
    Metric,
    MetricsData,
    NumberDataPoint,
    ResourceMetrics,
    ScopeMetrics,
    Sum,
)
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from moorage_serving.gateway.telemetry import conventions, vllm_names

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from opentelemetry.sdk.resources import Resource
    from prometheus_client import Metric as Family
    from prometheus_client.samples import Sample

CUMULATIVE = AggregationTemporality.CUMULATIVE
SCOPE = InstrumentationScope("moorage_serving.gateway")


def as_otlp(families: Iterable[Family], resource: Resource, start_unix_nano: int, now_unix_nano: int) -> MetricsData:
    """All families but those that repeat others by vLLM's names."""
    times = (start_unix_nano, now_unix_nano)
    metrics = [
        metric
        for family in families
        if not family.name.startswith(vllm_names.PREFIX)
        for metric in _metrics(family, times)
    ]
    return MetricsData([ResourceMetrics(resource, [ScopeMetrics(SCOPE, metrics, "")], "")])


def _metrics(family: Family, times: tuple[int, int]) -> Iterable[Metric]:
    if not family.samples:
        return
    if family.type == "histogram":
        name, unit = conventions.INSTRUMENTS.get(family.name, (family.name, family.unit))
        yield Metric(name, family.documentation, unit, Histogram(_histogram_points(family, times), CUMULATIVE))
    elif family.type == "counter":
        points = [_number_point(sample, times) for sample in family.samples if sample.name.endswith("_total")]
        yield Metric(f"{family.name}_total", family.documentation, family.unit, Sum(points, CUMULATIVE, True))
    else:
        points = [_number_point(sample, times) for sample in family.samples]
        yield Metric(family.samples[0].name, family.documentation, family.unit, Gauge(points))


def _number_point(sample: Sample, times: tuple[int, int]) -> NumberDataPoint:
    return NumberDataPoint(_attributes(sample.labels), *times, sample.value)


def _histogram_points(family: Family, times: tuple[int, int]) -> list[HistogramDataPoint]:
    series: dict[tuple[tuple[str, str], ...], list[Sample]] = {}
    for sample in family.samples:
        labels = tuple((name, value) for name, value in sample.labels.items() if name != "le")
        series.setdefault(labels, []).append(sample)
    return [_histogram_point(family.name, dict(labels), samples, times) for labels, samples in series.items()]


def _histogram_point(
    name: str, labels: Mapping[str, str], samples: list[Sample], times: tuple[int, int]
) -> HistogramDataPoint:
    """Prometheus' buckets have everything below their bound, OTLP's what is between two."""
    buckets = [(float(sample.labels["le"]), sample.value) for sample in samples if sample.name == f"{name}_bucket"]
    total = next(sample.value for sample in samples if sample.name == f"{name}_sum")
    counts = [int(value) for _, value in buckets]
    between = [count - before for count, before in zip(counts, [0, *counts], strict=False)]
    bounds = [bound for bound, _ in buckets if not math.isinf(bound)]
    return HistogramDataPoint(
        attributes=_attributes(labels),
        start_time_unix_nano=times[0],
        time_unix_nano=times[1],
        count=counts[-1],
        sum=total,
        bucket_counts=between,
        explicit_bounds=bounds,
        min=None,  # pyright: ignore[reportArgumentType] - optional in OTLP, and not known
        max=None,  # pyright: ignore[reportArgumentType]
    )


def _attributes(labels: Mapping[str, str]) -> dict[str, str]:
    """An empty label is none."""
    return {conventions.ATTRIBUTES.get(name, name): value for name, value in labels.items() if value}
