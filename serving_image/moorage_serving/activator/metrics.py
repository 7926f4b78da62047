"""What Prometheus is told about an engine that is started on demand."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from moorage_serving.activator.cold_start import PHASES
from moorage_serving.activator.engine_state import EngineState

# A tiny model takes seconds, one of hundreds of gigabytes half an hour.
COLD_START_BUCKETS_SECONDS = (0.5, 1, 2.5, 5, 10, 20, 30, 45, 60, 90, 120, 180, 300, 600, 1200, 1800)


class ActivatorMetrics:
    """Every series is there from the start, at zero."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.cold_start = Histogram(
            "moorage_cold_start_seconds",
            "From the start of the engine's process to its first answer, by what it did.",
            ["phase"],
            buckets=COLD_START_BUCKETS_SECONDS,
            registry=registry,
        )
        self.activations = Counter(
            "moorage_activator_activations", "Calls that asked for the engine.", registry=registry
        )
        self.starts = Counter("moorage_activator_starts", "Starts of the engine on demand.", registry=registry)
        self.idle_stops = Counter(
            "moorage_activator_idle_stops", "Stops of the engine because nobody asked for it.", registry=registry
        )
        self.failures = Counter(
            "moorage_activator_failures",
            "Questions to the supervisor or to the running engine that were not answered as they should be.",
            ["of"],
            registry=registry,
        )
        self._state = Gauge(
            "moorage_activator_engine_state", "1 for the state that the engine is in.", ["state"], registry=registry
        )
        for phase in PHASES:
            self.cold_start.labels(phase)
        for asked in ("supervisor", "engine"):
            self.failures.labels(asked)

    def show_state(self, current: EngineState) -> None:
        for state in EngineState:
            self._state.labels(state.value).set(state is current)
