"""CloudWatch's embedded metric format: log lines of which CloudWatch makes metrics.

Specification: docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/
CloudWatch_Embedded_Metric_Format_Specification.html.
A distribution is written as AWS's own exporter for OpenTelemetry writes one, with `Values` and `Counts`, of which
CloudWatch computes percentiles (github.com/open-telemetry/opentelemetry-collector-contrib, exporter/awsemfexporter/
metric_translator.go, `cWMetricHistogram`; both read 2026-11-25).
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple, TypedDict

import orjson

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

# A metric in high resolution is kept by the second; the others by the minute.
HIGH_RESOLUTION_SECONDS = 1
# 21 buckets of four are 84 values; an array has at most 100.
VALUES_PER_BUCKET = 4


class Distribution(TypedDict):
    """How often which value was measured."""

    Values: list[float]
    Counts: list[int]
    Max: float
    Min: float
    Count: int
    Sum: float


class MetricValue(NamedTuple):
    """What a metric is now."""

    name: str
    unit: str
    value: float | Distribution
    high_resolution: bool = False


def document(
    namespace: str, timestamp_milliseconds: int, dimensions: Mapping[str, str], metrics: Iterable[MetricValue]
) -> bytes:
    """One line, without its end."""
    values = list(metrics)
    directive = {"Namespace": namespace, "Dimensions": [list(dimensions)], "Metrics": [_defined(v) for v in values]}
    return orjson.dumps(
        {
            "_aws": {"Timestamp": timestamp_milliseconds, "CloudWatchMetrics": [directive]},
            **dimensions,
            **{value.name: value.value for value in values},
        }
    )


def distribution(bounds: Sequence[float], counts: Sequence[int], total: float) -> Distribution:
    """Of a histogram's buckets, whose last one has no upper bound.

    What is in a bucket is spread evenly over it, and what is beyond the last bound is taken for it, as Prometheus's
    `histogram_quantile` does, so that alarms on either say the same. Some bucket must have a count.
    """
    values: list[float] = []
    spread: list[int] = []
    for (lower, upper), count in zip(pairwise([0.0, *bounds]), counts, strict=False):
        parts = min(count, VALUES_PER_BUCKET)
        for part in range(parts):
            values.append(round(lower + (upper - lower) * (part + 0.5) / parts, 6))
            spread.append(count // parts + (part < count % parts))
    if counts[-1]:
        values.append(bounds[-1])
        spread.append(counts[-1])
    return Distribution(
        Values=values, Counts=spread, Max=max(values), Min=min(values), Count=sum(spread), Sum=round(total, 6)
    )


def _defined(value: MetricValue) -> dict[str, str | int]:
    definition: dict[str, str | int] = {"Name": value.name, "Unit": value.unit}
    if value.high_resolution:
        definition["StorageResolution"] = HIGH_RESOLUTION_SECONDS
    return definition
