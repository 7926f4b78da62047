"""An open stream costs little memory, however long its prompt was."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

import psutil

from .processes import chat, eventually
from .raw import connection, read_until, request_bytes

if TYPE_CHECKING:
    from .processes import Gateway, RunningEngine

OPEN_STREAMS, PROMPT_BYTES, MAX_BYTES_PER_STREAM = 100, 90_000, 45_000


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
