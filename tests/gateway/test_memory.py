"""An open stream costs little memory, however long its prompt was and its answer is."""

from __future__ import annotations

import time
from contextlib import ExitStack
from typing import TYPE_CHECKING

import psutil

from .processes import chat, eventually
from .raw import connection, read_until, request_bytes

if TYPE_CHECKING:
    from .processes import Gateway, RunningEngine

CHAT = "/v1/chat/completions"
OPEN_STREAMS, PROMPT_BYTES, MAX_BYTES_PER_STREAM = 100, 90_000, 45_000
LONG = {"tokens": 400, "padding_bytes": 100_000}
LONG_BYTES = LONG["tokens"] * LONG["padding_bytes"]
STREAMS, MAX_BYTES_LEFT_PER_STREAM = 150, 4_000


def test_a_prompt_is_dropped_once_the_engine_has_it(gateway: Gateway, engine: RunningEngine) -> None:
    process = psutil.Process(gateway.process.pid)
    with ExitStack() as stack:
        before = process.memory_info().rss
        for _ in range(OPEN_STREAMS):
            sock = stack.enter_context(connection(gateway))
            body = chat("x", stream=True, tokens=1000, inter_token_seconds=0.5)
            sock.sendall(request_bytes({**body, "padding": "." * PROMPT_BYTES}))
            read_until(sock, b"data: ")
        grown_per_stream = (process.memory_info().rss - before) / OPEN_STREAMS
    eventually(lambda: engine.fake.counters.running == 0)
    assert grown_per_stream < MAX_BYTES_PER_STREAM


def test_a_long_answer_is_not_kept(gateway: Gateway) -> None:
    process = psutil.Process(gateway.process.pid)
    before = most = process.memory_info().rss
    received_bytes = 0
    with gateway.client.stream("POST", CHAT, json=chat(stream=True, **LONG)) as answer:
        for piece in answer.iter_raw():
            received_bytes += len(piece)
            most = max(most, process.memory_info().rss)
    assert received_bytes > LONG_BYTES
    assert most - before < LONG_BYTES / 4


def test_a_client_that_stops_reading_stops_the_engine(gateway: Gateway, engine: RunningEngine) -> None:
    tokens = engine.fake.counters.tokens
    with connection(gateway, receive_buffer_bytes=16_384) as sock:
        sock.sendall(request_bytes(chat(stream=True, **LONG)))
        read_until(sock, b"data: ")
        written, before = 0, -1
        while written != before:  # until nothing moves any more
            time.sleep(0.3)
            before, written = written, engine.fake.counters.tokens - tokens
        # What the kernel's buffers hold on both sides, which is far from all.
        assert written < LONG["tokens"] / 2
    eventually(lambda: engine.fake.counters.running == 0)


def test_streams_leave_nothing_behind(gateway: Gateway, engine: RunningEngine) -> None:
    """A minute's worth of `make soak`: read to the end, left in the middle, broken by the engine."""
    process = psutil.Process(gateway.process.pid)

    def ask_many() -> int:
        for number in range(STREAMS):
            fault = "reset" if number % 10 == 0 else ""
            with gateway.client.stream("POST", CHAT, json=chat(stream=True, tokens=20, fault=fault)) as answer:
                if number % 3:
                    answer.read()
        eventually(lambda: engine.fake.counters.running == 0)
        return process.memory_info().rss

    ask_many()
    settled = ask_many()
    assert ask_many() - settled < STREAMS * MAX_BYTES_LEFT_PER_STREAM
