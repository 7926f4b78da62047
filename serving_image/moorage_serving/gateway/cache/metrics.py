"""What the cache tells Prometheus."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import Counter, Gauge

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

PREFIX = "moorage_gateway_cache"


class CacheMetrics:
    """Labels are out of fixed lists: outcomes, reasons, operations."""

    def __init__(self, registry: CollectorRegistry) -> None:
        requests = Counter(
            f"{PREFIX}_requests",
            "hit and similar_hit: out of Redis. collapsed: out of another request's answer, as it came, of any process."
            " miss: from the engine. Any other outcome says why the cache was passed by.",
            ["outcome"],
            registry=registry,
        )
        answers = Counter(
            f"{PREFIX}_answers",
            "Answers of engines that the cache watched: stored, or why not.",
            ["result"],
            registry=registry,
        )
        errors = Counter(
            f"{PREFIX}_errors",
            "lookup, store: Redis gave no answer in time. corrupt: what it gave was damaged, and is deleted. similar: "
            "the look for other wordings failed or took too long.",
            ["operation"],
            registry=registry,
        )
        self.evicted = Counter(f"{PREFIX}_evicted", "Answers that left to make room for newer ones.", registry=registry)
        self.flights = Gauge(f"{PREFIX}_flights", "Answers of engines that requests read now.", registry=registry)
        self.readers = Gauge(
            f"{PREFIX}_flight_readers", "Requests, and other processes, that read them.", registry=registry
        )
        self.followed = Counter(
            f"{PREFIX}_followed_flights", "Answers that another process got from an engine.", registry=registry
        )
        self.lost = Counter(
            f"{PREFIX}_lost_flights", "Of these, those of which nothing came: an engine was asked.", registry=registry
        )
        self._requests, self._answers, self._errors = requests, answers, errors
        # Looking a child up by its label costs more than counting.
        self.hit = requests.labels("hit")
        self.similar_hit = requests.labels("similar_hit")
        self.miss = requests.labels("miss")
        self.collapsed = requests.labels("collapsed")

    def count_bypass(self, reason: str) -> None:
        self._requests.labels(reason).inc()

    def count_answer(self, result: str) -> None:
        self._answers.labels(result).inc()

    def count_error(self, operation: str) -> None:
        self._errors.labels(operation).inc()
