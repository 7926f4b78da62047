"""Generates streaming load against any OpenAI-compatible server, and measures what its clients see.

A closed loop: each of `concurrency` workers starts its next stream when its last has ended. Workers start spread over
`ramp_seconds`, because a hundred clients do not press the key in the same millisecond.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import Any

import aiohttp

UNIX_PREFIX = "unix://"


@dataclass(frozen=True)
class StreamTimes:
    """What a client saw of one stream. `reads` counts reads of the socket, which can bring several events."""

    first_token_seconds: float
    duration_seconds: float
    reads: int


async def measure_streams(
    base_url: str,
    key: str,
    model: str,
    concurrency: int,
    *,
    streams_per_worker: int = 1,
    ramp_seconds: float = 1.0,
    prompt: str = "What is a mooring?",
    extra_body: dict[str, Any] | None = None,
) -> list[StreamTimes]:
    """Stream chat completions from `base_url` (`http://host:port` or `unix:///path`, without the /v1).

    `extra_body` is merged into every request, e.g. `{"max_tokens": 64, "temperature": 0}`. Raises RuntimeError for an
    answer that is no stream, or that ends before its `[DONE]`: times of failed requests are worth nothing.
    """
    body = {"model": model, "stream": True, "messages": [{"role": "user", "content": prompt}], **(extra_body or {})}
    async with open_session(base_url, key) as session:

        async def work(worker: int) -> list[StreamTimes]:
            await asyncio.sleep(ramp_seconds * worker / concurrency)
            return [await measure_stream(session, body) for _ in range(streams_per_worker)]

        measured = await asyncio.gather(*(work(worker) for worker in range(concurrency)))
    return [times for of_worker in measured for times in of_worker]


def open_session(base_url: str, key: str) -> aiohttp.ClientSession:
    """A session without limits that hide queueing; must be called in a running event loop."""
    headers = {"authorization": f"Bearer {key}"}
    timeout = aiohttp.ClientTimeout(total=None)
    if base_url.startswith(UNIX_PREFIX):
        connector: aiohttp.BaseConnector = aiohttp.UnixConnector(base_url.removeprefix(UNIX_PREFIX), limit=0)
        base_url = "http://localhost"
    else:
        connector = aiohttp.TCPConnector(limit=0)
    return aiohttp.ClientSession(base_url, connector=connector, headers=headers, timeout=timeout)


async def measure_stream(session: aiohttp.ClientSession, body: dict[str, Any]) -> StreamTimes:
    """One stream, from sending the request to the end of the answer."""
    started_at = time.perf_counter()
    first_at, reads, last = 0.0, 0, b""
    async with session.post("/v1/chat/completions", json=body) as answer:
        if answer.status != 200 or answer.content_type != "text/event-stream":
            raise RuntimeError(f"no stream, but {answer.status}: {await answer.text()}")
        while chunk := await answer.content.readany():
            first_at = first_at or time.perf_counter()
            reads += 1
            last = (last + chunk)[-32:]
    if b"[DONE]" not in last:
        raise RuntimeError("the stream ended before its [DONE]")
    return StreamTimes(first_at - started_at, time.perf_counter() - started_at, reads)


def percentile(values: list[float], fraction: float) -> float:
    """The smallest value that at least `fraction` (0 to 1) of all are not above."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(fraction * len(ordered)))]
