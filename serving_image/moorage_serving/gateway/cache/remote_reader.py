"""Another process that reads an answer which this one gets from an engine."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from moorage_serving.gateway.cache.flight_messages import Beginning, Failure, Piece

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.types import Message

    from moorage_serving.gateway.cache.flight_messages import Address, ToFollower
    from moorage_serving.gateway.errors import GatewayError

    Publish = Callable[[str, ToFollower], Awaitable[None]]

PIECE_BYTES = 65_536
# On its way to one reader. Redis cuts off who has 32 MiB waiting, or 8 MiB for a minute (its default
# `client-output-buffer-limit pubsub`, redis.io/docs/latest/develop/reference/clients, read 2026-11-25).
WINDOW_BYTES = 262_144


class RemoteReader:
    """`send` is an ASGI `send`: it publishes, and waits while more than a window is not taken in on the other side."""

    __slots__ = ("_address", "_beginning", "_publish", "_room", "_sent_bytes", "_sequence", "_taken_bytes", "heard_at")

    def __init__(self, address: Address, publish: Publish, now: float) -> None:
        self._address = address
        self._publish = publish
        self._beginning: Beginning | None = None
        self._sequence = 0
        self._sent_bytes = 0
        self._taken_bytes = 0
        self._room = asyncio.Event()
        self.heard_at = now

    async def send(self, message: Message) -> None:
        """The start of an answer goes out with the first piece of its body."""
        if message["type"] == "http.response.start":
            self._beginning = Beginning(message["status"], message["headers"])
            return
        body, ended = message["body"], not message["more_body"]
        for begin in range(0, max(1, len(body)), PIECE_BYTES):
            piece = body[begin : begin + PIECE_BYTES]
            await self._window()
            await self._send_piece(piece, ended=ended and begin + PIECE_BYTES >= len(body))

    async def fail(self, error: GatewayError) -> None:
        """Tell the error that ends the answer."""
        await self._publish(self._address.process, Failure(self._address.number, self._sequence, error))

    def taken(self, total_bytes: int, now: float) -> None:
        """What the other side says."""
        self.heard_at = now
        self._taken_bytes = total_bytes
        self._room.set()

    async def _window(self) -> None:
        while self._sent_bytes - self._taken_bytes > WINDOW_BYTES:
            self._room.clear()
            await self._room.wait()

    async def _send_piece(self, piece: bytes, *, ended: bool) -> None:
        message = Piece(self._address.number, self._sequence, self._beginning, ended, piece)
        self._beginning = None
        self._sequence += 1
        self._sent_bytes += len(piece)
        await self._publish(self._address.process, message)
