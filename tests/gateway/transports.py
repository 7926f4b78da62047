"""Requests to a transport, and answers read to the end."""

from __future__ import annotations

import asyncio
import json
import time
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

CHAT = "/v1/chat/completions"
HEADERS = {"content-type": "application/json"}
PATIENCE_SECONDS = 30


class ReadableAnswer(Protocol):
    """What the transports of all kinds answer with."""

    @property
    def read(self) -> Callable[[], Awaitable[bytes]]: ...
    def close(self) -> None: ...


def chat(text: str = "hello", *, stream: bool = False, **program: Any) -> bytes:
    """A chat request, with the fake engine's program for it."""
    messages = [{"role": "user", "content": text}]
    return json.dumps({"model": "moored", "messages": messages, "stream": stream, "fake_engine": program}).encode()


async def read_all(answer: ReadableAnswer) -> bytes:
    """The body to its end; closes the answer."""
    chunks: list[bytes] = []
    try:
        while chunk := await answer.read():
            chunks.append(chunk)
    finally:
        answer.close()
    return b"".join(chunks)


async def eventually(condition: Callable[[], bool]) -> None:
    """Wait until it holds."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)
