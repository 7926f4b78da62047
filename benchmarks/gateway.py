"""What the gateway costs, measured against the fake engine: added time to first token, memory, CPU.

`python benchmarks/gateway.py` starts both as processes, asks the engine directly and through the gateway at the same
time, and prints a table with the bars. The exit code is 1 when a bar is missed. Takes about half a minute.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import resource
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import uvloop
from load import StreamTimes, measure_streams, open_session, percentile
from report import Figure, report

if TYPE_CHECKING:
    from collections.abc import Iterator

    import aiohttp

REPOSITORY = Path(__file__).parents[1]
KEY, MODEL = "benchmark", "moored"
CONCURRENCY, ROUNDS, STREAMS_PER_WORKER, STREAM_SECONDS = 100, 3, 4, 1.05
PROGRAM = {"time_to_first_token_seconds": 0.1, "tokens": 20, "inter_token_seconds": 0.05}
IDLE_STREAMS, IDLE_PROGRAM, OPENED_AT_ONCE = 1000, {"tokens": 2, "inter_token_seconds": 120}, 20
START_SECONDS, SETTLE_SECONDS, OPEN_FILES = 30, 1, 8192
MEBIBYTE, KIBIBYTE = 1 << 20, 1 << 10


@dataclass
class Measured:
    """Streams measured directly and through the gateway, and what the gateway's process spent on the latter."""

    direct: list[StreamTimes] = field(default_factory=list)
    through: list[StreamTimes] = field(default_factory=list)
    cpu_seconds: float = 0.0


@contextmanager
def process(url: str, *command: str) -> Iterator[psutil.Process]:
    """A Python process, as soon as `url` answers 200."""
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY / "serving_image")}
    started = subprocess.Popen([sys.executable, *command], stdout=subprocess.DEVNULL, env=environment)
    try:
        wait_for(url)
        yield psutil.Process(started.pid)
    finally:
        started.kill()
        started.wait()


def wait_for(url: str) -> None:
    until = time.monotonic() + START_SECONDS
    while True:
        try:
            with urllib.request.urlopen(url):  # noqa: S310 - our own address
                return
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.1)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
        return port


@contextmanager
def servers() -> Iterator[tuple[str, str, psutil.Process]]:
    """The engine's address, the gateway's address and the gateway's process."""
    engine_port, port = free_port(), free_port()
    engine_url, url = f"http://127.0.0.1:{engine_port}", f"http://127.0.0.1:{port}"
    upstream = {"name": "engine", "kind": "openai-http", "address": engine_url, "model": MODEL, "revision": "1"}
    key = {"id": "benchmark", "sha256": hashlib.sha256(KEY.encode()).hexdigest()}
    engine = str(REPOSITORY / "tests" / "gateway" / "fake_engine.py")
    with (
        tempfile.NamedTemporaryFile("w", suffix=".json") as file,
        process(f"{engine_url}/health", engine, "--port", str(engine_port)),
    ):
        json.dump({"version": 1, "upstreams": [upstream], "keys": [key]}, file)
        file.flush()
        arguments = ("-m", "moorage_serving.gateway", "serve", "--config", file.name, "--port", str(port))
        with process(f"{url}/ready", *arguments) as gateway:
            yield engine_url, url, gateway


async def measure_idle_streams(url: str, gateway: psutil.Process) -> list[Figure]:
    """Memory at rest, and per stream while a thousand are open and silent."""
    await asyncio.sleep(SETTLE_SECONDS)
    at_rest = gateway.memory_info().rss
    body = {"model": MODEL, "stream": True, "messages": [], "fake_engine": IDLE_PROGRAM}
    answers: list[aiohttp.ClientResponse] = []  # held, or their streams would be closed
    async with open_session(url, KEY) as session:

        async def open_stream() -> aiohttp.ClientResponse:
            answer = await session.post("/v1/chat/completions", json=body)
            await answer.content.readany()
            return answer

        for _ in range(IDLE_STREAMS // OPENED_AT_ONCE):
            opened = await asyncio.gather(*(open_stream() for _ in range(OPENED_AT_ONCE)))
            answers.extend(opened)
        await asyncio.sleep(SETTLE_SECONDS)
        per_stream = (gateway.memory_info().rss - at_rest) / IDLE_STREAMS
    await asyncio.sleep(SETTLE_SECONDS)  # until engine and gateway have cleared a thousand streams away
    return [
        Figure("memory at rest", at_rest / MEBIBYTE, "MiB", bar=150),
        Figure(f"memory per idle stream, {IDLE_STREAMS} open", per_stream / KIBIBYTE, "KiB", bar=25),
    ]


async def measure_rounds(engine_url: str, url: str, gateway: psutil.Process) -> Measured:
    """A hundred streams directly and a hundred through the gateway, side by side: what disturbs one disturbs both."""
    measured = Measured()

    async def measure(base_url: str) -> list[StreamTimes]:
        return await measure_streams(
            base_url,
            KEY,
            MODEL,
            CONCURRENCY,
            streams_per_worker=STREAMS_PER_WORKER,
            ramp_seconds=STREAM_SECONDS,
            extra_body={"fake_engine": PROGRAM},
        )

    for _ in range(ROUNDS):
        before = cpu_seconds(gateway)
        direct, through = await asyncio.gather(measure(engine_url), measure(url))
        measured.direct += direct
        measured.through += through
        measured.cpu_seconds += cpu_seconds(gateway) - before
    return measured


def cpu_seconds(gateway: psutil.Process) -> float:
    times = gateway.cpu_times()
    return times.user + times.system


def added(measured: Measured) -> list[Figure]:
    """What the gateway adds to times, and spends of CPU."""
    figures = []
    for name, fraction, bar_ms in (("p50", 0.5, 2.0), ("p99", 0.99, 10.0)):
        direct, through = (
            percentile([times.first_token_seconds for times in side], fraction) * 1000
            for side in (measured.direct, measured.through)
        )
        name = f"added time to first token {name}, {CONCURRENCY} streams"
        figures.append(Figure(name, through - direct, "ms", bar_ms, direct, through))
    direct, through = (
        percentile([times.duration_seconds for times in side], 0.5) * 1000
        for side in (measured.direct, measured.through)
    )
    figures.append(Figure("added duration p50", through - direct, "ms", None, direct, through))
    per_stream = measured.cpu_seconds / len(measured.through)
    figures.append(Figure(f"CPU per stream of {PROGRAM['tokens']} tokens", per_stream * 1e6, "µs"))
    return figures


def main() -> int:
    resource.setrlimit(resource.RLIMIT_NOFILE, (OPEN_FILES, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    with servers() as (engine_url, url, gateway):
        figures = uvloop.run(measure_idle_streams(url, gateway))
        figures += added(uvloop.run(measure_rounds(engine_url, url, gateway)))
    return report(figures)


if __name__ == "__main__":
    sys.exit(main())
