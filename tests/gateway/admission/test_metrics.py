"""What Prometheus sees of the queues."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from moorage_serving.gateway.admission.metrics import AdmissionMetrics
from moorage_serving.gateway.admission.queues import AdmissionQueues
from moorage_serving.gateway.admission.rejections import Reason
from moorage_serving.gateway.admission.statistics import MAX_TENANT_LABELS
from moorage_serving.gateway.config.serving import AdmissionConfig

from .clients import Room

if TYPE_CHECKING:
    from .virtual_time import VirtualTimeLoop


class Watched:
    """A room whose queue is the one of the model `moored`, beside an idle one."""

    def __init__(self, loop: VirtualTimeLoop) -> None:
        self.room = Room(loop, max_queue_length=1)
        self.queues = AdmissionQueues()
        self.queues.configure(AdmissionConfig(max_queue_length=1), {"moored": lambda: 1, "idle": lambda: 0})
        self.queues._queues["moored"] = self.room.queue
        self.registry = CollectorRegistry()
        AdmissionMetrics(self.registry, self.queues)

    def metric(self, name: str, **labels: str) -> float | None:
        return self.registry.get_sample_value(f"moorage_gateway_{name}", labels)


@pytest.fixture
def watched(loop: VirtualTimeLoop) -> Watched:
    return Watched(loop)


def test_demand_is_what_is_in_service_and_what_waits(watched: Watched) -> None:
    watched.room.request()
    watched.room.request()
    assert watched.metric("queued_requests", model="moored") == 1
    assert watched.metric("demand_requests", model="moored") == 2


def test_the_demand_of_a_model_without_requests_is_an_explicit_zero(watched: Watched) -> None:
    assert watched.metric("demand_requests", model="idle") == 0
    assert watched.metric("queued_requests", model="idle") == 0
    assert watched.metric("queue_wait_seconds_count", model="idle") == 0


def test_waits_are_measured_and_no_wait_is_a_wait_of_zero(watched: Watched) -> None:
    first, second = watched.room.request(), watched.room.request()
    watched.room.wait(7)
    first.leave()
    assert second.has_place
    assert watched.metric("queue_wait_seconds_count", model="moored") == 2
    assert watched.metric("queue_wait_seconds_sum", model="moored") == pytest.approx(7)
    assert watched.metric("queue_wait_seconds_bucket", model="moored", le="0.0") == 1
    assert watched.metric("queue_wait_seconds_bucket", model="moored", le="5.0") == 1
    assert watched.metric("queue_wait_seconds_bucket", model="moored", le="10.0") == 2


def test_rejections_are_counted_by_tenant_and_reason(watched: Watched) -> None:
    watched.room.request()
    watched.room.request(deadline_seconds=3)
    watched.room.request()
    watched.room.wait(4)
    labels = {"model": "moored", "tenant": "tenant"}
    assert watched.metric("admission_rejected_requests_total", **labels, reason="queue_full") == 1
    assert watched.metric("admission_rejected_requests_total", **labels, reason="deadline") == 1


def test_the_labels_of_tenants_are_bounded(watched: Watched) -> None:
    statistics = watched.room.queue.statistics
    for number in range(10 * MAX_TENANT_LABELS):
        statistics.reject(f"tenant-{number}", Reason.SHED)
    assert len(statistics.rejected) == MAX_TENANT_LABELS + 1
    assert statistics.rejected.total() == 10 * MAX_TENANT_LABELS


def test_the_exposition_is_valid(watched: Watched) -> None:
    watched.room.request()
    families = {f.name: f for f in text_string_to_metric_families(generate_latest(watched.registry).decode())}
    assert families["moorage_gateway_queue_wait_seconds"].type == "histogram"
    assert families["moorage_gateway_demand_requests"].type == "gauge"
