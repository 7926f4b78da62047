"""What is measured of requests, by the names of OpenTelemetry and of vLLM, with bounded labels."""

from __future__ import annotations

import math
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.exporter.otlp.proto.common.metrics_encoder import encode_metrics
from opentelemetry.sdk.resources import Resource
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from moorage_serving.gateway.record import Outcome, RequestRecord
from moorage_serving.gateway.telemetry import conventions
from moorage_serving.gateway.telemetry.otlp_metrics import as_otlp
from moorage_serving.gateway.telemetry.request_metrics import RequestMetrics
from moorage_serving.gateway.telemetry.tenant_labels import MAX_TENANTS, OTHER, TenantLabels
from moorage_serving.gateway.telemetry.vllm_names import VllmNames
from moorage_serving.gateway.usage import Usage

CHAT = "/v1/chat/completions"
OPERATION = {"gen_ai_operation_name": "chat", "gen_ai_provider_name": "openai", "gen_ai_request_model": "m"}


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.fixture
def metrics(registry: CollectorRegistry) -> RequestMetrics:
    made = RequestMetrics(registry)
    made.tenants.configure(["acme"])
    return made


def ended(
    *,
    outcome: Outcome = Outcome.COMPLETED,
    error_code: str = "",
    first_token_seconds: float | None = 0.5,
    completion_tokens: int | None = 11,
    tenant_id: str = "acme",
    endpoint: str = CHAT,
) -> RequestRecord:
    """A streamed request that has ended."""
    record = RequestRecord(endpoint, b"id")
    record.model, record.upstream, record.tenant_id, record.stream = "m", "u", tenant_id, True
    record.status, record.outcome, record.error_code = 200, outcome, error_code
    record.started_at = 100.0
    if first_token_seconds is not None:
        record.first_byte_at = record.started_at + first_token_seconds
    if completion_tokens is not None:
        record.usage = Usage(7, completion_tokens)
    return record


def test_a_stream_is_measured_by_the_conventions_names(metrics: RequestMetrics, registry: CollectorRegistry) -> None:
    metrics.count(ended(), 2.5)
    where = {**OPERATION, "upstream": "u"}
    value = registry.get_sample_value
    assert value("gen_ai_server_time_to_first_token_seconds_sum", where) == 0.5
    assert value("gen_ai_server_time_per_output_token_seconds_sum", where) == pytest.approx(0.2)  # 2 s, 10 gaps
    assert value("gen_ai_server_request_duration_seconds_sum", {**where, "error_type": ""}) == 2.5
    requests = {"endpoint": CHAT, "model": "m", "upstream": "u", "tenant": "acme"}
    assert value("moorage_gateway_requests_total", {**requests, "status": "200", "outcome": "completed"}) == 1


def test_tokens_are_counted_for_tenant_and_operation(metrics: RequestMetrics, registry: CollectorRegistry) -> None:
    metrics.count_tokens(Usage(7, 11), CHAT, "m", "acme")
    value = registry.get_sample_value
    assert value("gen_ai_client_token_usage_sum", {**OPERATION, "gen_ai_token_type": "input"}) == 7
    assert value("gen_ai_client_token_usage_sum", {**OPERATION, "gen_ai_token_type": "output"}) == 11
    assert value("moorage_gateway_tokens_total", {"kind": "completion", "tenant": "acme", "model": "m"}) == 11


def test_errors_tell_why(metrics: RequestMetrics, registry: CollectorRegistry) -> None:
    metrics.count(ended(outcome=Outcome.OVERLOADED, error_code="queue_full", first_token_seconds=None), 0.1)
    metrics.count(ended(outcome=Outcome.CLIENT_DISCONNECTED), 0.1)
    where = {**OPERATION, "upstream": "u"}
    for error_type in ("queue_full", "client_disconnected"):
        name = "gen_ai_server_request_duration_seconds_count"
        assert registry.get_sample_value(name, {**where, "error_type": error_type}) == 1
    assert registry.get_sample_value("moorage_gateway_rejections_total", {"reason": "queue_full"}) == 1
    assert registry.get_sample_value("gen_ai_server_time_per_output_token_seconds_count", where) == 0


@given(st.lists(st.text(min_size=1, max_size=8), max_size=400, unique=True))
def test_tenants_never_become_more_than_so_many_values(tenant_ids: list[str]) -> None:
    labels = TenantLabels()
    labels.configure(tenant_ids)
    values = [labels.label(tenant_id) for tenant_id in tenant_ids]
    assert values[:MAX_TENANTS] == tenant_ids[:MAX_TENANTS]
    assert set(values[MAX_TENANTS:]) <= {OTHER}
    assert labels.label("") == ""


def test_a_tenant_keeps_its_value_when_a_reload_brings_others() -> None:
    labels = TenantLabels()
    labels.configure(["first"])
    labels.configure([f"tenant-{number}" for number in range(2 * MAX_TENANTS)])
    assert labels.label("first") == "first"
    assert labels.label(f"tenant-{MAX_TENANTS}") == OTHER


RECORDS = st.builds(
    ended,
    outcome=st.sampled_from(Outcome),
    error_code=st.sampled_from(["", "overloaded"]),
    first_token_seconds=st.none() | st.floats(0, 20),
    completion_tokens=st.none() | st.integers(0, 1000),
    tenant_id=st.sampled_from(["acme", "unknown", ""]),
    endpoint=st.sampled_from([CHAT, "/v1/embeddings", "/v1/models", "other"]),
)


def filled(records: list[tuple[RequestRecord, float]]) -> CollectorRegistry:
    registry = CollectorRegistry()
    metrics = RequestMetrics(registry)
    for record, after_first_seconds in records:
        metrics.count(record, (record.first_byte_at or record.started_at) - record.started_at + after_first_seconds)
        if record.usage is not None and record.endpoint in conventions.OPERATIONS:
            metrics.count_tokens(record.usage, record.endpoint, record.model, record.tenant_id)
    return registry


MEASURED = st.lists(st.tuples(RECORDS, st.floats(0, 1000)), max_size=12)


@given(MEASURED)
def test_every_request_is_counted_once(records: list[tuple[RequestRecord, float]]) -> None:
    samples = [sample for family in filled(records).collect() for sample in family.samples]

    def total(name: str) -> float:
        return sum(sample.value for sample in samples if sample.name == name)

    inference = [record for record, _ in records if record.endpoint in conventions.OPERATIONS]
    assert total("moorage_gateway_requests_total") == len(records)
    assert total(f"{conventions.DURATION}_count") == len(inference)
    assert total(f"{conventions.FIRST_TOKEN}_count") == sum(record.first_byte_at is not None for record in inference)


@given(MEASURED)
def test_vllms_names_say_the_same(records: list[tuple[RequestRecord, float]]) -> None:
    source = filled(records)
    around = CollectorRegistry()
    around.register(VllmNames(source))
    families = list(text_string_to_metric_families(generate_latest(around).decode()))
    values = {sample.name: sample for family in families for sample in family.samples if "le" not in sample.labels}
    inference = [record for record, _ in records if record.endpoint in conventions.OPERATIONS]
    first_tokens = sum(record.first_byte_at is not None for record in inference)
    completed = sum(record.outcome is Outcome.COMPLETED for record in inference)
    tokens = sum(record.usage.completion_tokens for record in inference if record.usage is not None)
    for name, expected in (
        ("vllm:time_to_first_token_seconds_count", first_tokens),
        ("vllm:e2e_request_latency_seconds_count", completed),
        ("vllm:generation_tokens_total", tokens),
    ):
        found = values.get(name)
        assert (0 if found is None else found.value) == expected
        assert found is None or found.labels == {"model_name": "m", "engine": "gateway"}


@given(MEASURED)
def test_otlp_says_the_same_as_prometheus(records: list[tuple[RequestRecord, float]]) -> None:
    registry = filled(records)
    families = list(registry.collect())
    encoded = encode_metrics(as_otlp(families, Resource.create(), 1, time.time_ns()))
    metrics = {m.name: m for r in encoded.resource_metrics for s in r.scope_metrics for m in s.metrics}
    for family in families:
        name = conventions.INSTRUMENTS[family.name].name if family.name in conventions.INSTRUMENTS else family.name
        if family.type == "histogram" and family.samples:
            points = metrics[name].histogram.data_points
            count = sum(sample.value for sample in family.samples if sample.name.endswith("_count"))
            assert sum(point.count for point in points) == count
            for point in points:
                assert sum(point.bucket_counts) == point.count
                assert len(point.bucket_counts) == len(point.explicit_bounds) + 1
                assert not any(math.isinf(bound) for bound in point.explicit_bounds)
        elif family.type == "counter" and family.samples:
            points = metrics[f"{name}_total"].sum.data_points
            assert sum(point.as_double for point in points) == sum(
                sample.value for sample in family.samples if sample.name.endswith("_total")
            )
            assert metrics[f"{name}_total"].sum.is_monotonic
