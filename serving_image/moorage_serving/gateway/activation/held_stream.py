"""Keeps a client awake, and what is between it and the gateway, while its stream waits for an engine."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from moorage_serving.gateway.responses import EVENT_STREAM, header

if TYPE_CHECKING:
    from starlette.types import Message, Send

# Load balancers give a silent connection up after 60 seconds, some after 15.
FIRST_SECONDS, EVERY_SECONDS = 5.0, 10.0
COMMENT = b": waiting for the engine\n\n"
OK = 200


class HeldStream:
    """An ASGI `send`. Without a message for five seconds it begins an event stream, with a comment every ten.

    What comes then goes on in that stream: an event stream as it is, any other answer, which can only be an error, as
    an error event.
    """

    def __init__(
        self, send: Send, *, first_seconds: float = FIRST_SECONDS, every_seconds: float = EVERY_SECONDS
    ) -> None:
        self._send = send
        self._begun = False
        self._passes_events = True
        self._other: list[bytes] = []
        self._task = asyncio.get_running_loop().create_task(self._keep_awake(first_seconds, every_seconds))

    async def __call__(self, message: Message) -> None:
        self._task.cancel()
        if not self._begun:
            await self._send(message)
        elif message["type"] == "http.response.start":
            content_type = header(message["headers"], b"content-type") or b""
            self._passes_events = message["status"] == OK and content_type.startswith(EVENT_STREAM)
        elif self._passes_events:
            await self._send(message)
        else:
            await self._pass_error(message)

    def stop(self) -> None:
        """The request has ended."""
        self._task.cancel()

    async def _keep_awake(self, first_seconds: float, every_seconds: float) -> None:
        await asyncio.sleep(first_seconds)
        self._begun = True
        headers = [(b"content-type", EVENT_STREAM + b"; charset=utf-8"), (b"cache-control", b"no-cache")]
        await self._send({"type": "http.response.start", "status": OK, "headers": headers})
        while True:
            await self._send({"type": "http.response.body", "body": COMMENT, "more_body": True})
            await asyncio.sleep(every_seconds)

    async def _pass_error(self, message: Message) -> None:
        self._other.append(message["body"])
        if message.get("more_body", False):
            return
        document = b"".join(self._other).replace(b"\r", b"").replace(b"\n", b" ")
        await self._send({"type": "http.response.body", "body": b"data: " + document + b"\n\n", "more_body": False})
