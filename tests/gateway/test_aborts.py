"""A client that leaves frees the engine at once, and what it used is still counted."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from .processes import PATIENCE_SECONDS, chat, eventually
from .raw import connection, read_until, request_bytes

if TYPE_CHECKING:
    import socket

    from .processes import Gateway, RunningEngine

ABANDONED = 50
SLOWEST_PROBE_SECONDS = 5.0


def wait_for_idle(engine: RunningEngine) -> None:
    """Long before any of these requests would end by itself, or by the gateway's limits."""
    eventually(lambda: engine.fake.counters.running == 0, PATIENCE_SECONDS / 2)


@pytest.mark.parametrize(
    ("stream", "program", "wait_for"),
    [
        (True, {"tokens": 1000, "inter_token_seconds": 0.1}, b"data: "),
        (True, {"fault": "stall_before_headers"}, b""),
        (True, {"fault": "stall_after_headers"}, b""),
        (False, {"fault": "stall_before_headers"}, b""),
        (False, {"tokens": 1000, "inter_token_seconds": 0.1}, b""),
    ],
    ids=["streaming", "before headers", "before first byte", "document before headers", "document being generated"],
)
def test_leaving_aborts_the_engines_work(
    gateway: Gateway, engine: RunningEngine, *, stream: bool, program: dict[str, Any], wait_for: bytes
) -> None:
    before = engine.fake.counters.aborted
    with connection(gateway) as sock:
        sock.sendall(request_bytes(chat(stream=stream, **program), x_request_id="leaver"))
        eventually(lambda: engine.fake.counters.running == 1)
        read_until(sock, wait_for) if wait_for else None
    wait_for_idle(engine)
    assert engine.fake.counters.aborted == before + 1


def test_a_client_that_sends_two_requests_at_once_and_leaves_frees_both(
    gateway: Gateway, engine: RunningEngine
) -> None:
    with connection(gateway) as sock:
        sock.sendall(2 * request_bytes(chat(fault="stall_before_headers")))
        eventually(lambda: engine.fake.counters.running == 1)
    wait_for_idle(engine)
    eventually(lambda: gateway.metric("requests_in_flight") == 0)


def test_many_abandoned_streams_leave_no_busy_connection(gateway: Gateway, engine: RunningEngine) -> None:
    with ExitStack() as stack:
        for _ in range(ABANDONED):
            sock = stack.enter_context(connection(gateway))
            sock.sendall(request_bytes(chat(stream=True, tokens=1000, inter_token_seconds=0.2)))
            read_until(sock, b"data: ")
        assert engine.fake.counters.running == ABANDONED
        assert gateway.metric("upstream_connections", upstream="tcp", state="busy") == ABANDONED
        assert gateway.metric("requests_in_flight") == ABANDONED
    wait_for_idle(engine)
    eventually(lambda: gateway.metric("upstream_connections", state="busy") == 0)
    eventually(lambda: gateway.metric("requests_in_flight") == 0)
    # What is left open is kept for reuse, and was not one of the abandoned.
    eventually(lambda: engine.fake.counters.connections <= ABANDONED / 2)


def test_probes_are_answered_while_many_long_streams_are_abandoned(gateway: Gateway, engine: RunningEngine) -> None:
    clients: list[socket.socket] = []
    slowest_seconds, left = 0.0, threading.Event()

    def probe() -> None:
        nonlocal slowest_seconds
        with httpx.Client(base_url=gateway.url, trust_env=False, timeout=30) as client:
            while not left.is_set():
                started = time.monotonic()
                assert client.get("/health").status_code == 200
                slowest_seconds = max(slowest_seconds, time.monotonic() - started)

    with ThreadPoolExecutor(1) as pool, ExitStack() as stack:
        for _ in range(ABANDONED):
            clients.append(stack.enter_context(connection(gateway)))
            body = chat(stream=True, tokens=10_000, padding_bytes=500, inter_token_seconds=0.01)
            clients[-1].sendall(request_bytes(body))
        for client in clients:
            read_until(client, b"t100")
        probing = pool.submit(probe)
        stack.close()
        wait_for_idle(engine)
        left.set()
        probing.result()
    assert slowest_seconds < SLOWEST_PROBE_SECONDS


def test_an_abandoned_request_is_recorded(gateway: Gateway, engine: RunningEngine) -> None:
    before = gateway.metric("requests_total", outcome="client_disconnected", status="499")
    with connection(gateway) as sock:
        sock.sendall(request_bytes(chat(fault="stall_before_headers"), x_request_id="abandoned"))
        eventually(lambda: engine.fake.counters.running == 1)
    line = gateway.access_line("abandoned")
    assert (line["outcome"], line["status"], line["key_id"]) == ("client_disconnected", 499, "tests")
    assert gateway.metric("requests_total", outcome="client_disconnected", status="499") == before + 1


def test_usage_seen_before_the_client_left_is_counted(gateway: Gateway) -> None:
    body = {**chat(stream=True), "stream_options": {"include_usage": True, "continuous_usage_stats": True}}
    body["fake_engine"] = {"running_usage": True, "tokens": 100, "inter_token_seconds": 0.1}
    before = gateway.metric("tokens_total", kind="prompt")
    with connection(gateway) as sock:
        sock.sendall(request_bytes(body, x_request_id="left-with-usage"))
        read_until(sock, b'"usage":{')
    line = gateway.access_line("left-with-usage")
    assert (line["outcome"], line["prompt_tokens"]) == ("client_disconnected", 7)
    assert gateway.metric("tokens_total", kind="prompt") == before + 7


def test_leaving_right_after_the_last_event_is_no_abort(gateway: Gateway) -> None:
    with connection(gateway) as sock:
        sock.sendall(request_bytes(chat(stream=True), x_request_id="left-at-done"))
        read_until(sock, b"data: [DONE]\n\n")
    line = gateway.access_line("left-at-done")
    assert (line["prompt_tokens"], line["completion_tokens"]) == (7, 3)


def test_a_client_that_leaves_while_sending_is_no_failure(gateway: Gateway, engine: RunningEngine) -> None:
    before = engine.fake.counters.requests
    with connection(gateway) as sock:
        sock.sendall(request_bytes(chat(), x_request_id="half-sent")[:-10])
        time.sleep(0.05)
    assert gateway.access_line("half-sent")["outcome"] == "client_disconnected"
    assert engine.fake.counters.requests == before
