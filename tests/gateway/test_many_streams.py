"""Far more than a thousand streams at once: each gets its own answer, and everything else is served beside them."""

from __future__ import annotations

import asyncio
import json
import resource
import time
from typing import TYPE_CHECKING

import pytest

from .processes import Gateway, chat, document, eventually, upstream
from .raw import request_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from .processes import RunningEngine

STREAMS = 1_500
USUAL_LIMIT = 1_024
SLOWEST_PROBE_SECONDS = 10.0


@pytest.fixture
def gateway(config_path: Path, engine: RunningEngine) -> Iterator[Gateway]:
    """Started as a shell or systemd starts it: with few open files, and leave to have more."""
    config_path.write_text(json.dumps(document(upstream("tcp", engine.address))))
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (USUAL_LIMIT, hard))
    try:
        with Gateway(config_path, is_patient=True) as running:
            resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 4 * STREAMS), hard))
            yield running
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_more_streams_than_the_usual_limit_of_open_files_allows(gateway: Gateway, engine: RunningEngine) -> None:
    assert asyncio.run(open_all(gateway)) < SLOWEST_PROBE_SECONDS
    eventually(lambda: engine.fake.counters.running == 0)
    eventually(lambda: gateway.metric("requests_in_flight") == 0)
    eventually(lambda: gateway.metric("upstream_connections", state="busy") == 0)
    assert gateway.metric("streams_started_total") == STREAMS


async def open_all(gateway: Gateway) -> float:
    """Have all streams open at one time; how long the slowest probe took meanwhile."""
    leave = asyncio.Event()
    begun = asyncio.Semaphore(0)

    async def stream(number: int) -> None:
        nonce = f"nonce-{number}-nonce"
        reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
        writer.write(request_bytes(chat(nonce, stream=True, tokens=100, inter_token_seconds=60)))
        await reader.readuntil(b"data: ")
        assert nonce.encode() in await reader.readuntil(b"\n\n")
        begun.release()
        await leave.wait()
        writer.close()

    async def probe() -> float:
        slowest_seconds = 0.0
        while not leave.is_set():
            started = time.monotonic()
            assert (await asyncio.to_thread(gateway.client.get, "/health")).status_code == 200
            slowest_seconds = max(slowest_seconds, time.monotonic() - started)
        return slowest_seconds

    async with asyncio.TaskGroup() as tasks:
        slowest = tasks.create_task(probe())
        for number in range(STREAMS):
            tasks.create_task(stream(number))
        for _ in range(STREAMS):
            await begun.acquire()
        assert await asyncio.to_thread(gateway.metric, "requests_in_flight") == STREAMS
        document = await asyncio.to_thread(gateway.client.post, "/v1/chat/completions", json=chat())
        assert document.status_code == 200
        leave.set()
    return slowest.result()
