"""One course of load before the real controllers and before their model, and how many replicas each makes of it."""

import time
from collections.abc import Callable, Mapping, Sequence

from benchmarks.autoscaling.keda import Keda
from benchmarks.autoscaling.prometheus import Prometheus

from .cluster import Document
from .control_plane.control_plane import AUTOSCALER_SYNC_SECONDS
from .exporter import Exporter

Steps = Sequence[tuple[int, Mapping[str, float]]]
"""For how many seconds what is exported."""
Changes = list[tuple[float, int]]
"""After how many seconds how many replicas there were to be; what it begins with first."""
_POLL_SECONDS = 0.1


def replay(steps: Steps, exporter: Exporter, replicas: Callable[[], int]) -> Changes:
    """In real time."""
    began = time.monotonic()
    changes = [(0.0, replicas())]
    ends = began
    for seconds, samples in steps:
        exporter.samples = samples
        ends += seconds
        while time.monotonic() < ends:
            time.sleep(_POLL_SECONDS)
            _note(changes, time.monotonic() - began, replicas())
    return changes


def model_of(scaled_object: Document, steps: Steps) -> Changes:
    """With a scrape every second. Kubernetes 1.34 does not heed tolerances of an object's own."""
    prometheus = Prometheus()
    keda = Keda(scaled_object, prometheus.ask, heeds_tolerance=False)
    changes: Changes = [(0.0, 0)]
    exported = [samples for seconds, samples in steps for _ in range(seconds)]
    for now, samples in enumerate(exported):
        prometheus.scrape("exporter", samples)
        if now % keda.polling_seconds == 0:
            _note(changes, now, keda.poll(now, changes[-1][1]))
        if now % AUTOSCALER_SYNC_SECONDS == 0:
            _note(changes, now, keda.sync(now, changes[-1][1]))
    return changes


def _note(changes: Changes, at: float, replicas: int) -> None:
    if replicas != changes[-1][1]:
        changes.append((at, replicas))
