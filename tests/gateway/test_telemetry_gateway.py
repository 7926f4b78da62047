"""A whole gateway is measured, traced and profiled, whatever its clients do."""

from __future__ import annotations

import json
import signal
import socket
import threading
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry.proto.trace.v1.trace_pb2 import Status

from .exposition import scrape, total
from .otlp_receiver import OtlpReceiver, attributes
from .processes import KEY, KEY_ID, PATIENCE_SECONDS, Gateway, chat, document, eventually, sha256, upstream
from .raw import connection, request_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from opentelemetry.proto.trace.v1.trace_pb2 import Span

    from .processes import EngineRoom, RunningEngine

CHAT = "/v1/chat/completions"
ADMIN_KEY, LIMITED_KEY = "key-of-the-administrator", "key-of-a-limited-tenant"
TRACE_ID, PARENT_ID = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


@pytest.fixture(scope="module")
def receiver() -> Iterator[OtlpReceiver]:
    with OtlpReceiver() as running:
        yield running


@pytest.fixture(scope="module")
def observed(
    engine: RunningEngine, receiver: OtlpReceiver, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Gateway]:
    config = document(
        upstream("tcp", engine.address),
        telemetry={"otlp_endpoint": receiver.endpoint, "trace_sample_ratio": 0.0},
        tenants=[{"id": "once-a-minute", "requests_per_minute": 1}],
        max_request_body_bytes=10_000,
    )
    config["keys"].append({"id": "administrator", "sha256": sha256(ADMIN_KEY), "role": "admin"})
    config["keys"].append({"id": "limited", "sha256": sha256(LIMITED_KEY), "tenant": "once-a-minute"})
    path = tmp_path_factory.mktemp("observed") / "config.json"
    path.write_text(json.dumps(config))
    with Gateway(path) as running:
        yield running


# What is measured


def stream_and_leave(gateway: Gateway, tokens: int, leave_after_bytes: int | None) -> bool:
    """Whether a stream began, as its client saw it."""
    received = b""
    with connection(gateway) as sock:
        sock.sendall(request_bytes(chat(stream=True, tokens=tokens, inter_token_seconds=0.002)))
        while leave_after_bytes is None or len(received) < leave_after_bytes:
            piece = sock.recv(64)
            received += piece
            if not piece or received.endswith(b"0\r\n\r\n"):
                break
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    return b"\r\n\r\n" in received


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(1, 20), st.none() | st.integers(0, 3000)), min_size=1, max_size=12))
def test_every_stream_that_starts_is_recorded_however_it_ends(
    observed: Gateway, clients: list[tuple[int, int | None]]
) -> None:
    before = scrape(observed)
    began = [False] * len(clients)

    def run(number: int, tokens: int, leave_after_bytes: int | None) -> None:
        began[number] = stream_and_leave(observed, tokens, leave_after_bytes)

    threads = [threading.Thread(target=run, args=(number, *client)) for number, client in enumerate(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    def all_is_recorded() -> bool:
        # In one look: of a request that its client left unread, the gateway may learn at any later moment, or never.
        after = scrape(observed)

        def grown(name: str) -> float:
            return total(after, name) - total(before, name)

        requests, started = grown("moorage_gateway_requests_total"), grown("moorage_gateway_streams_started_total")
        return (
            total(after, "moorage_gateway_requests_in_flight") == 0
            and requests >= sum(began)
            and sum(began) <= started <= len(clients)
            and grown("gen_ai_server_time_to_first_token_seconds_count") == started
            and grown("gen_ai_server_request_duration_seconds_count") == requests
        )

    eventually(all_is_recorded, PATIENCE_SECONDS / 4)


def test_errors_of_the_gateway_are_counted_by_reason(observed: Gateway) -> None:
    before = scrape(observed)
    observed.client.post(CHAT, json=chat(model="unknown"))
    observed.client.post(CHAT, json=chat(), headers={"authorization": "Bearer wrong"})
    after = scrape(observed)
    for reason in ("model_not_found", "invalid_api_key"):
        name = "moorage_gateway_rejections_total"
        assert total(after, name, reason=reason) - total(before, name, reason=reason) == 1


# What is traced


def test_the_engine_continues_the_gateways_span(
    observed: Gateway, engine: RunningEngine, receiver: OtlpReceiver
) -> None:
    headers = {"traceparent": f"00-{TRACE_ID}-{PARENT_ID}-01", "tracestate": "vendor=value"}
    observed.client.post(CHAT, json=chat(stream=True), headers=headers)
    span = eventually(lambda: next((s for s in receiver.spans if s.trace_id.hex() == TRACE_ID), None))
    assert span.parent_span_id.hex() == PARENT_ID
    sent = engine.fake.received[-1].headers
    assert sent["traceparent"] == f"00-{TRACE_ID}-{span.span_id.hex()}-01"
    assert sent["tracestate"] == "vendor=value"
    facts = attributes(span)
    assert facts["gen_ai.usage.output_tokens"] == 3
    assert facts["moorage.tenant"] == KEY_ID
    assert facts["moorage.outcome"] == "completed"


def traced(trace_id: str) -> dict[str, str]:
    return {"traceparent": f"00-{trace_id}-{PARENT_ID}-01"}


def spans_of(receiver: OtlpReceiver, trace_id: str) -> list[Span]:
    return [span for span in receiver.spans if span.trace_id.hex() == trace_id]


def test_requests_that_are_refused_early_are_in_the_traces_of_their_callers(
    observed: Gateway, receiver: OtlpReceiver
) -> None:
    limited = {"authorization": f"Bearer {LIMITED_KEY}"}
    observed.client.post(CHAT, json=chat(), headers=limited)
    refused: dict[tuple[int, str], dict[str, Any]] = {
        (400, "invalid_json"): {"content": b"{"},
        (400, "invalid_request"): {"json": {"model": 1}},
        (401, "invalid_api_key"): {"json": chat(), "headers": {"authorization": "Bearer wrong"}},
        (404, "model_not_found"): {"json": chat(model="unknown")},
        (405, "method_not_allowed"): {"method": "GET"},
        (413, "request_too_large"): {"content": b"x" * 20_000},
        (429, "rate_limit_exceeded"): {"json": chat(), "headers": limited},
    }
    for number, (expected, request) in enumerate(refused.items(), 1):
        headers = {**request.pop("headers", {}), **traced(f"{number:032x}")}
        answer = observed.client.request(request.pop("method", "POST"), CHAT, headers=headers, **request)
        assert (answer.status_code, answer.json()["error"]["code"]) == expected
    for number, (status, code) in enumerate(refused, 1):
        span = eventually(lambda number=number: spans_of(receiver, f"{number:032x}"))[0]
        facts = attributes(span)
        assert span.parent_span_id.hex() == PARENT_ID
        assert span.status.code == Status.STATUS_CODE_ERROR
        assert (facts["http.response.status_code"], facts["error.type"]) == (status, code)


@pytest.mark.long
def test_so_is_a_request_that_comes_too_late(engine: RunningEngine, engine_room: EngineRoom, config_path: Path) -> None:
    with OtlpReceiver() as receiver:
        telemetry = {"otlp_endpoint": receiver.endpoint, "trace_sample_ratio": 0.0}
        config_path.write_text(json.dumps(document(upstream("tcp", engine.address), telemetry=telemetry)))
        with Gateway(config_path) as gateway:
            with (
                engine_room.holding(engine.fake.may_go_on) as let_go,
                gateway.client.stream("POST", CHAT, json=chat(stream=True)) as answer,
            ):
                events = answer.iter_raw()
                next(events)
                gateway.signal(signal.SIGTERM)
                eventually(lambda: gateway.client.post(CHAT, json=chat()).status_code == 503)
                assert gateway.client.post(CHAT, json=chat(), headers=traced(TRACE_ID)).status_code == 503
                let_go()
                assert b"".join(events).endswith(b"data: [DONE]\n\n")
            assert gateway.stop() == 0
        (span,) = spans_of(receiver, TRACE_ID)
    assert span.parent_span_id.hex() == PARENT_ID
    assert attributes(span)["error.type"] == "shutting_down"
    assert attributes(span)["moorage.outcome"] == "shut_down"


def test_an_engine_is_told_that_nobody_samples(observed: Gateway, engine: RunningEngine) -> None:
    observed.client.post(CHAT, json=chat())
    assert engine.fake.received[-1].headers["traceparent"].endswith("-00")


def test_metrics_reach_the_collector_at_the_latest_when_the_gateway_ends(
    engine: RunningEngine, config_path: Path
) -> None:
    with OtlpReceiver() as receiver:
        telemetry = {"otlp_endpoint": receiver.endpoint}
        config_path.write_text(json.dumps(document(upstream("tcp", engine.address), telemetry=telemetry)))
        with Gateway(config_path) as gateway:
            gateway.client.post(CHAT, json=chat(stream=True))
            assert gateway.stop() == 0
        durations = receiver.metrics()["gen_ai.server.request.duration"].histogram.data_points
        assert [point.count for point in durations if attributes(point)["gen_ai.operation.name"] == "chat"] == [1]


@pytest.mark.long
def test_a_collector_that_is_away_fails_no_request(engine: RunningEngine, config_path: Path) -> None:
    telemetry = {"otlp_endpoint": "http://127.0.0.1:9", "trace_sample_ratio": 1.0}
    config_path.write_text(json.dumps(document(upstream("tcp", engine.address), telemetry=telemetry)))
    with Gateway(config_path) as gateway:
        assert all(gateway.client.post(CHAT, json=chat()).status_code == 200 for _ in range(5))


# What is profiled


def profile(gateway: Gateway, query: str, key: str = ADMIN_KEY) -> tuple[int, str]:
    answer = gateway.client.get(f"/debug/profile?{query}", headers={"authorization": f"Bearer {key}"})
    return answer.status_code, answer.text


def test_an_administrator_gets_a_profile_of_the_event_loop(observed: Gateway) -> None:
    loaded = threading.Event()

    def load() -> None:
        while not loaded.is_set():
            observed.client.post(CHAT, json=chat())

    thread = threading.Thread(target=load)
    thread.start()
    status, text = profile(observed, "seconds=1&format=speedscope")
    loaded.set()
    thread.join()
    assert status == 200
    names = {frame["name"] for frame in json.loads(text)["shared"]["frames"]}
    assert any("Exchange" in name or "serve" in name for name in names)
    status, text = profile(observed, "seconds=0.1")
    assert status == 200
    assert text.lstrip().lower().startswith("<!doctype html>")


def test_nobody_else_gets_one(observed: Gateway) -> None:
    assert profile(observed, "seconds=0.1", KEY)[0] == 403
    assert profile(observed, "seconds=0.1", "unknown")[0] == 401


@pytest.mark.parametrize("query", ["seconds=0", "seconds=61", "seconds=nan", "seconds=x", "format=pdf"])
def test_a_wrong_question_is_refused(observed: Gateway, query: str) -> None:
    assert profile(observed, query)[0] == 400


def test_only_one_profile_is_taken_at_a_time(observed: Gateway) -> None:
    refused = threading.Event()

    def profile_again_and_again() -> None:
        while not refused.is_set():
            profile(observed, "seconds=0.5")

    others = threading.Thread(target=profile_again_and_again)
    others.start()
    try:
        eventually(lambda: profile(observed, "seconds=0.01")[0] == 409)
    finally:
        refused.set()
        others.join()
