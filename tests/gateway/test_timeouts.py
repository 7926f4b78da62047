"""Connecting, the first byte and silence have limits of their own; a long answer has none."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from .processes import chat
from .raw import connection, read_until, request_bytes

if TYPE_CHECKING:
    from .processes import Gateway

CHAT = "/v1/chat/completions"
CONNECT_SECONDS, FIRST_BYTE_SECONDS, IDLE_SECONDS = 1.0, 1.5, 1.0


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("fault", ["stall_before_headers", "stall_after_headers"])
def test_no_first_byte_in_time_is_a_504(gateway: Gateway, fault: str, *, stream: bool) -> None:
    if fault == "stall_after_headers" and not stream:
        fault = "stall_before_headers"
    started = time.monotonic()
    answer = gateway.client.post(CHAT, json=chat(stream=stream, fault=fault))
    assert answer.status_code == 504
    assert answer.json()["error"]["code"] == "upstream_timeout"
    assert FIRST_BYTE_SECONDS <= time.monotonic() - started < FIRST_BYTE_SECONDS + 1


def test_an_engine_that_takes_no_connection_in_time_is_passed_over(gateway: Gateway) -> None:
    started = time.monotonic()
    answer = gateway.client.post(CHAT, json=chat(model="stuck"), headers={"x-request-id": "passed-over"})
    assert answer.status_code == 200
    assert time.monotonic() - started < CONNECT_SECONDS + 1
    assert gateway.access_line("passed-over")["upstream"] == "unstuck"


@pytest.mark.parametrize("include_usage", [True, False])
def test_silence_ends_a_stream_with_an_error_event(gateway: Gateway, *, include_usage: bool) -> None:
    body = {**chat(stream=True, fault="stall"), "stream_options": {"include_usage": include_usage}}
    started = time.monotonic()
    answer = gateway.client.post(CHAT, json=body)
    assert IDLE_SECONDS <= time.monotonic() - started < IDLE_SECONDS + 1
    last = answer.content.split(b"\n\n")[-2]
    assert last.startswith(b'data: {"error":')
    assert b"upstream_timeout" in last


def test_an_answer_longer_than_every_limit_is_not_cut(gateway: Gateway) -> None:
    body = chat(stream=True, tokens=5, inter_token_seconds=0.6)
    assert gateway.client.post(CHAT, json=body).content.endswith(b"data: [DONE]\n\n")


def test_a_client_that_reads_slowly_is_not_taken_for_a_silent_engine(gateway: Gateway) -> None:
    with connection(gateway, receive_buffer_bytes=16_384) as sock:
        sock.sendall(request_bytes(chat(stream=True, tokens=120, padding_bytes=50_000)))
        seen = read_until(sock, b"data: ")
        time.sleep(IDLE_SECONDS * 2)
        seen += read_until(sock, b"[DONE]")
    assert b"error" not in seen


def test_the_timeout_is_recorded(gateway: Gateway) -> None:
    headers = {"x-request-id": "timed-out"}
    gateway.client.post(CHAT, json=chat(stream=True, fault="stall"), headers=headers)
    line = gateway.access_line("timed-out")
    assert (line["outcome"], line["status"], line["upstream"]) == ("upstream_timeout", 200, "tcp")
