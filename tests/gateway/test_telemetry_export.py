"""Traces and metrics reach a real collector; callers' decisions about sampling are kept."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from prometheus_client import CollectorRegistry

from moorage_serving.gateway.record import Outcome, RequestRecord
from moorage_serving.gateway.telemetry.request_metrics import RequestMetrics
from moorage_serving.gateway.telemetry.telemetry import Telemetry
from moorage_serving.gateway.telemetry.tracing import Tracing
from moorage_serving.gateway.usage import Usage

from .otlp_receiver import OtlpReceiver, attributes
from .processes import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

TRACE_ID, PARENT_ID = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
VALID = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-(0[01])")
IDS = st.from_regex(r"[0-9a-f]{31}[1-9a-f]", fullmatch=True), st.from_regex(r"[0-9a-f]{15}[1-9a-f]", fullmatch=True)


def record(**changed: object) -> RequestRecord:
    made = RequestRecord("/v1/chat/completions", b"request-1")
    facts = {"model": "m", "upstream": "u", "status": 200, "stream": True, "usage": Usage(7, 3), "tenant_id": "acme"}
    for name, value in {**facts, "outcome": Outcome.COMPLETED, **changed}.items():
        setattr(made, name, value)
    made.first_byte_at = made.started_at + 0.25
    return made


class Traced:
    """Tracing whose spans stay in memory."""

    def __init__(self, ratio: float) -> None:
        self.exporter = InMemorySpanExporter()
        self.tracing = Tracing(SimpleSpanProcessor(self.exporter), Resource.create(), ratio)

    def request(self, headers: list[tuple[bytes, bytes]]) -> dict[str, str]:
        trace = self.tracing.begin(headers)
        trace.finish(record())
        return trace.headers


@pytest.fixture(scope="module")
def always() -> Iterator[Traced]:
    traced = Traced(1.0)
    yield traced
    traced.tracing.close()


@pytest.fixture(scope="module")
def never() -> Iterator[Traced]:
    traced = Traced(0.0)
    yield traced
    traced.tracing.close()


@given(trace_id=IDS[0], parent_id=IDS[1])
def test_a_sampled_caller_is_continued_whatever_the_ratio(never: Traced, trace_id: str, parent_id: str) -> None:
    never.exporter.clear()
    sent = never.request([(b"traceparent", f"00-{trace_id}-{parent_id}-01".encode()), (b"tracestate", b"vendor=value")])
    (span,) = never.exporter.get_finished_spans()
    assert span.context is not None
    assert span.parent is not None
    assert f"{span.context.trace_id:032x}" == trace_id
    assert f"{span.parent.span_id:016x}" == parent_id
    assert sent == {"traceparent": f"00-{trace_id}-{span.context.span_id:016x}-01", "tracestate": "vendor=value"}


@given(trace_id=IDS[0], parent_id=IDS[1])
def test_a_caller_that_is_not_sampled_is_passed_on_as_it_is(always: Traced, trace_id: str, parent_id: str) -> None:
    always.exporter.clear()
    traceparent = f"00-{trace_id}-{parent_id}-00"
    assert always.request([(b"traceparent", traceparent.encode())]) == {"traceparent": traceparent}
    assert always.exporter.get_finished_spans() == ()


@given(
    st.one_of(
        st.binary(max_size=60),
        st.sampled_from(
            [
                b"",
                b"00-" + b"0" * 32 + b"-00f067aa0ba902b7-01",
                b"ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
                b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
                b"00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            ]
        ),
    )
)
def test_what_is_no_traceparent_begins_a_new_trace(always: Traced, never: Traced, traceparent: bytes) -> None:
    for traced, flags in ((always, "01"), (never, "00")):
        traced.exporter.clear()
        sent = traced.request([(b"traceparent", traceparent), (b"tracestate", b"vendor=value")])
        match = VALID.fullmatch(sent["traceparent"])
        assert match is not None
        assert match[3] == flags
        assert "tracestate" not in sent
        assert len(traced.exporter.get_finished_spans()) == (flags == "01")


def test_about_the_ratio_of_requests_is_sampled() -> None:
    traced = Traced(0.2)
    for _ in range(2000):
        traced.request([])
    traced.tracing.close()
    assert 250 < len(traced.exporter.get_finished_spans()) < 550  # 400 expected, 18 the standard deviation


@pytest.mark.anyio
async def test_a_collector_gets_spans_and_metrics() -> None:
    registry = CollectorRegistry()
    metrics = RequestMetrics(registry)
    with OtlpReceiver() as receiver:
        telemetry = Telemetry(registry, otlp_endpoint=receiver.endpoint, trace_sample_ratio=1.0)
        for finished in (record(), record(outcome=Outcome.UPSTREAM_TIMEOUT, error_code="upstream_timeout")):
            trace = telemetry.tracing.begin([])
            metrics.count(finished, 1.0)
            trace.finish(finished)
        await telemetry.close()
    complete, failed = receiver.spans
    assert complete.name == "chat m"
    facts = attributes(complete)
    assert (
        facts
        | {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": "openai",
            "gen_ai.request.model": "m",
            "gen_ai.request.stream": True,
            "gen_ai.usage.input_tokens": 7,
            "gen_ai.usage.output_tokens": 3,
            "moorage.upstream": "u",
            "moorage.tenant": "acme",
        }
        == facts
    )
    assert facts["gen_ai.response.time_to_first_chunk"] == pytest.approx(0.25)
    assert attributes(failed)["error.type"] == "upstream_timeout"
    durations = receiver.metrics()["gen_ai.server.request.duration"]
    assert durations.unit == "s"
    assert sorted(
        (attributes(point).get("error.type", ""), point.count) for point in durations.histogram.data_points
    ) == [
        ("", 1),
        ("upstream_timeout", 1),
    ]
    (resource,) = {r.resource.SerializeToString() for e in receiver.exports for r in e.resource_metrics}
    assert b"moorage-gateway" in resource
    assert b"service.instance.id" in resource
    assert not any(name.startswith("vllm:") for name in receiver.metrics())


@pytest.mark.anyio
async def test_metrics_are_sent_again_and_again() -> None:
    registry = CollectorRegistry()
    RequestMetrics(registry).count(record(), 1.0)
    with OtlpReceiver() as receiver:
        telemetry = Telemetry(
            registry, otlp_endpoint=receiver.endpoint, trace_sample_ratio=0.0, metrics_interval_seconds=0.02
        )
        await asyncio.to_thread(eventually, lambda: len(receiver.exports) >= 3)
        await telemetry.close()
    assert receiver.spans == []
