"""Keeps the connection of a client awake that waits for the first byte of a stream.

Intermediaries close a connection on which nothing happens: 60 s is what nginx (`proxy_read_timeout`) and AWS's load
balancers (`idle_timeout.timeout_seconds`) do by default, read 2026-11-23. An engine can take longer to start.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import orjson

from moorage_serving.gateway import errors
from moorage_serving.gateway.responses import EVENT_STREAM, HeaderList, error_event, is_event_stream

if TYPE_CHECKING:
    from starlette.types import Message, Send

FIRST_COMMENT_SECONDS = 5.0
COMMENT_SECONDS = 10.0
# A line that begins with a colon is ignored by clients: html.spec.whatwg.org, Server-sent events, 9.2.6.
COMMENT = b": waiting for the engine\n\n"
HEADERS = ((b"content-type", EVENT_STREAM), (b"cache-control", b"no-cache"))
OK = 200


class KeepAwake:
    """An ASGI `send` for a streaming request that has to wait.

    While it is armed and nothing is sent, the client gets status 200, an event stream's headers and a comment every few
    seconds. The answer's own status and headers are dropped then: of a stream, nothing else changes; any other
    answer becomes an error event. `headers` are read when the comments begin.
    """

    def __init__(
        self,
        send: Send,
        headers: HeaderList,
        *,
        first_comment_seconds: float = FIRST_COMMENT_SECONDS,
        comment_seconds: float = COMMENT_SECONDS,
    ) -> None:
        self._send = send
        self._headers = headers
        self._first_comment_seconds = first_comment_seconds
        self._comment_seconds = comment_seconds
        self._commenting: asyncio.Task[None] | None = None
        self._began = False
        self._error: bytearray | None = None

    def arm(self) -> None:
        """The client begins to wait. `disarm` must follow, whatever becomes of the request."""
        self._commenting = asyncio.get_running_loop().create_task(self._comment())

    async def disarm(self) -> None:
        """No comment after this."""
        if self._commenting is not None:
            self._commenting.cancel()
            await asyncio.gather(self._commenting, return_exceptions=True)
            self._commenting = None

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            await self.disarm()
            if self._began:
                if message["status"] != OK or not is_event_stream(message["headers"]):
                    self._error = bytearray()
                return
        if self._error is None:
            await self._send(message)
        else:
            await self._send_error(self._error, message)

    async def _comment(self) -> None:
        await asyncio.sleep(self._first_comment_seconds)
        await self._send({"type": "http.response.start", "status": OK, "headers": [*HEADERS, *self._headers]})
        self._began = True
        while True:
            await self._send({"type": "http.response.body", "body": COMMENT, "more_body": True})
            await asyncio.sleep(self._comment_seconds)

    async def _send_error(self, error: bytearray, message: Message) -> None:
        error += message.get("body", b"")
        if not message.get("more_body", False):
            await self._send({"type": "http.response.body", "body": as_event(error), "more_body": False})


def as_event(body: bytes | bytearray) -> bytes:
    """An answer as the only event of a stream. What is no error object is told as an engine's failure."""
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        document = None
    if isinstance(document, dict) and "error" in document:
        return b"data: " + orjson.dumps(document) + b"\n\n"
    return error_event(errors.upstream_failed("The engine answered with something else than a stream."))
