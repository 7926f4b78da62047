"""Connecting, the first byte and silence have limits of their own; a long answer has none."""

from __future__ import annotations

import json
import socket
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from .processes import PATIENCE_SECONDS, Gateway, chat, document, upstream
from .raw import connection, read_until, request_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .processes import RunningEngine

CHAT = "/v1/chat/completions"
CONNECT_SECONDS, FIRST_BYTE_SECONDS, IDLE_SECONDS = 1.0, 1.5, 2.0


@pytest.fixture(scope="module")
def stuck_address() -> Iterator[str]:
    """A listener whose queue is full: the kernel leaves further connections unanswered."""
    with socket.socket() as listener, ExitStack() as fillers:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        address = listener.getsockname()
        for _ in range(4):
            filler = fillers.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(address)
        yield f"http://127.0.0.1:{address[1]}"


@pytest.fixture(scope="module")
def gateway(engine: RunningEngine, stuck_address: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """With short limits. Serves `moored`, and `stuck` (does not finish connecting, then alive)."""
    config = document(
        upstream("tcp", engine.address),
        upstream("stuck", stuck_address, "stuck"),
        upstream("unstuck", engine.address, "stuck"),
        timeouts={
            "connect_seconds": CONNECT_SECONDS,
            "first_byte_seconds": FIRST_BYTE_SECONDS,
            "idle_seconds": IDLE_SECONDS,
        },
    )
    path = tmp_path_factory.mktemp("limits") / "config.json"
    path.write_text(json.dumps(config))
    with Gateway(path) as running:
        yield running


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("fault", ["stall_before_headers", "stall_after_headers"])
def test_no_first_byte_in_time_is_a_504(gateway: Gateway, fault: str, *, stream: bool) -> None:
    if fault == "stall_after_headers" and not stream:
        fault = "stall_before_headers"
    started = time.monotonic()
    answer = gateway.client.post(CHAT, json=chat(stream=stream, fault=fault))
    assert answer.status_code == 504
    assert answer.json()["error"]["code"] == "upstream_timeout"
    assert FIRST_BYTE_SECONDS <= time.monotonic() - started < PATIENCE_SECONDS / 2


def test_an_engine_that_takes_no_connection_in_time_is_passed_over(gateway: Gateway) -> None:
    started = time.monotonic()
    answer = gateway.client.post(CHAT, json=chat(model="stuck"), headers={"x-request-id": "passed-over"})
    assert answer.status_code == 200
    assert time.monotonic() - started < PATIENCE_SECONDS / 2
    assert gateway.access_line("passed-over")["upstream"] == "unstuck"


@pytest.mark.parametrize("include_usage", [True, False])
def test_silence_ends_a_stream_with_an_error_event(gateway: Gateway, *, include_usage: bool) -> None:
    body = {**chat(stream=True, fault="stall"), "stream_options": {"include_usage": include_usage}}
    started = time.monotonic()
    answer = gateway.client.post(CHAT, json=body)
    assert IDLE_SECONDS <= time.monotonic() - started < PATIENCE_SECONDS / 2
    last = answer.content.split(b"\n\n")[-2]
    assert last.startswith(b'data: {"error":')
    assert b"upstream_timeout" in last


def test_an_answer_longer_than_every_limit_is_not_cut(gateway: Gateway) -> None:
    body = chat(stream=True, tokens=8, inter_token_seconds=0.3)
    started = time.monotonic()
    assert gateway.client.post(CHAT, json=body).content.endswith(b"data: [DONE]\n\n")
    assert time.monotonic() - started > max(CONNECT_SECONDS, FIRST_BYTE_SECONDS, IDLE_SECONDS)


@pytest.mark.long
def test_a_client_that_reads_slowly_is_not_taken_for_a_silent_engine(gateway: Gateway) -> None:
    with connection(gateway, receive_buffer_bytes=16_384) as sock:
        sock.sendall(request_bytes(chat(stream=True, tokens=120, padding_bytes=50_000)))
        seen = read_until(sock, b"data: ")
        time.sleep(IDLE_SECONDS * 1.25)
        seen += read_until(sock, b"[DONE]")
    assert b"error" not in seen


def test_the_timeout_is_recorded(gateway: Gateway) -> None:
    headers = {"x-request-id": "timed-out"}
    gateway.client.post(CHAT, json=chat(stream=True, fault="stall"), headers=headers)
    line = gateway.access_line("timed-out")
    assert (line["outcome"], line["status"], line["upstream"]) == ("upstream_timeout", 200, "tcp")
