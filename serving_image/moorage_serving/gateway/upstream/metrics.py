"""What Prometheus is told about engines."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from prometheus_client import Counter
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from moorage_serving.gateway.upstream.breaker import BreakerState

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from prometheus_client import CollectorRegistry
    from prometheus_client.metrics_core import Metric

    from moorage_serving.gateway.upstream.route import Route

PREFIX = "moorage_gateway_upstream"


class UpstreamMetrics:
    """Labels are configured upstreams, models and fixed reasons: addresses come and go, and are none."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry
        self.failures = Counter(
            f"{PREFIX}_failures",
            "Tries without a good answer: unreachable, timeout, broken, or status (an answer 429 or 500 to 504).",
            ["upstream", "reason"],
            registry=registry,
        )
        self.failovers = Counter(
            f"{PREFIX}_failovers",
            "Requests that came here because an engine before this one failed them.",
            ["upstream"],
            registry=registry,
        )
        self.hedges = Counter(
            f"{PREFIX}_hedges",
            "Requests that came here because another engine had not begun its answer in time.",
            ["upstream"],
            registry=registry,
        )

    def watch(self, routes: Callable[[], Iterable[Route]]) -> None:
        """Report the routes of the active configuration, read when Prometheus asks."""
        self._registry.register(RouteCollector(routes))


class RouteCollector(Collector):
    """A look at every endpoint, added up per upstream."""

    def __init__(self, routes: Callable[[], Iterable[Route]]) -> None:
        self._routes = routes

    def collect(self) -> Iterable[Metric]:
        now = time.monotonic()
        outstanding = GaugeMetricFamily(f"{PREFIX}_outstanding", "Requests with an engine.", labels=["upstream"])
        available = GaugeMetricFamily(
            f"{PREFIX}_endpoints_available", "Endpoints that get requests now.", labels=["upstream"]
        )
        breakers = GaugeMetricFamily(
            f"{PREFIX}_breakers", "Circuit breakers of endpoints, by state.", labels=["upstream", "state"]
        )
        openings = CounterMetricFamily(
            f"{PREFIX}_breaker_openings", "How often a circuit breaker opened.", labels=["upstream"]
        )
        ejections = CounterMetricFamily(
            f"{PREFIX}_ejections", "How often an endpoint did worse than others and was put aside.", labels=["upstream"]
        )
        held = GaugeMetricFamily(
            "moorage_gateway_canary_held", "1 while a canary gets no new conversations.", labels=["model", "revision"]
        )
        for route in self._routes():
            for upstream in route.upstreams:
                name, endpoints = upstream.config.name, upstream.endpoints
                outstanding.add_metric([name], upstream.in_flight)
                available.add_metric([name], sum(endpoint.is_usable(now) for endpoint in endpoints))
                states = [endpoint.breaker.state(now) for endpoint in endpoints]
                for state in BreakerState:
                    breakers.add_metric([name, state.value], states.count(state))
                openings.add_metric([name], sum(endpoint.breaker_openings for endpoint in endpoints))
                ejections.add_metric([name], sum(endpoint.ejections for endpoint in endpoints))
            if route.canary is not None:
                held.add_metric([route.model, route.canary.config.revision], route.canary.held is not None)
        return [outstanding, available, breakers, openings, ejections, held]
