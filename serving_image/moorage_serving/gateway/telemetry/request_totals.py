"""How many requests there were, how many failed and how long they took: sums over all of Prometheus' series."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from operator import sub
from typing import TYPE_CHECKING, NamedTuple, Self

from moorage_serving.gateway.record import Outcome
from moorage_serving.gateway.telemetry import conventions

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from prometheus_client import Metric as Family

REQUESTS = "moorage_gateway_requests"
# As the alert MoorageErrorRatioHigh has them: what the engines or this gateway did wrong, answered or broken off.
FAILED = frozenset(
    {
        *(Outcome.UPSTREAM_UNREACHABLE, Outcome.UPSTREAM_FAILED, Outcome.UPSTREAM_TIMEOUT),
        *(Outcome.OVERLOADED, Outcome.FAILED, Outcome.SHUT_DOWN),
    }
)
THROTTLED_STATUS = "429"


class Histogram(NamedTuple):
    """`counts`: of each bucket alone, the last without an upper bound."""

    counts: tuple[int, ...]
    total: float

    @classmethod
    def empty(cls, bounds: tuple[float, ...]) -> Self:
        return cls((0,) * (len(bounds) + 1), 0.0)

    def since(self, before: Histogram) -> Histogram:
        return Histogram(tuple(map(sub, self.counts, before.counts)), self.total - before.total)


@dataclass(frozen=True)
class RequestTotals:
    """Since the process began."""

    requests: int = 0
    errors: int = 0
    throttles: int = 0
    durations: Histogram = field(default_factory=lambda: Histogram.empty(conventions.DURATION_BUCKETS_SECONDS))
    first_tokens: Histogram = field(default_factory=lambda: Histogram.empty(conventions.FIRST_TOKEN_BUCKETS_SECONDS))

    def since(self, before: RequestTotals) -> RequestTotals:
        """What has been added."""
        return RequestTotals(
            self.requests - before.requests,
            self.errors - before.errors,
            self.throttles - before.throttles,
            self.durations.since(before.durations),
            self.first_tokens.since(before.first_tokens),
        )


def request_totals(families: Iterable[Family]) -> RequestTotals:
    """Of what `RequestMetrics` would tell Prometheus."""
    by_name = {family.name: family for family in families}
    counted = [sample for sample in by_name[REQUESTS].samples if sample.name == f"{REQUESTS}_total"]
    return RequestTotals(
        requests=int(sum(sample.value for sample in counted)),
        errors=int(sum(sample.value for sample in counted if _is_error(sample.labels))),
        throttles=int(sum(sample.value for sample in counted if sample.labels["status"] == THROTTLED_STATUS)),
        durations=_histogram(by_name[conventions.DURATION], conventions.DURATION_BUCKETS_SECONDS),
        first_tokens=_histogram(by_name[conventions.FIRST_TOKEN], conventions.FIRST_TOKEN_BUCKETS_SECONDS),
    )


def _is_error(labels: Mapping[str, str]) -> bool:
    return labels["status"].startswith("5") or labels["outcome"] in FAILED


def _histogram(family: Family, bounds: tuple[float, ...]) -> Histogram:
    """Prometheus' buckets have everything below their bound."""
    below = dict.fromkeys((*bounds, math.inf), 0)
    total = 0.0
    for sample in family.samples:
        if sample.name.endswith("_bucket"):
            below[float(sample.labels["le"])] += int(sample.value)
        elif sample.name.endswith("_sum"):
            total += sample.value
    counts = list(below.values())
    return Histogram(tuple(map(sub, counts, [0, *counts])), total)
