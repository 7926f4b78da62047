"""An answer that another process gets from an engine."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from moorage_serving.gateway import errors
from moorage_serving.gateway.cache.flight_messages import Alive, Failure, Piece
from moorage_serving.gateway.cache.remote_reader import WINDOW_BYTES

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import Send

    from moorage_serving.gateway.cache.flight_messages import Address, ToFollower

TAKEN_BYTES = WINDOW_BYTES // 4


class FlightLostError(Exception):
    """No byte came of it, so that an engine can be asked. `leader` is None where it is Redis that does not answer."""

    def __init__(self, leader: Address | None) -> None:
        super().__init__("the process that asked the engine is gone")
        self.leader = leader


class FollowedFlight:
    """Takes in what the leader publishes, and writes it into a flight of this process.

    `tell_taken` is called when much was taken in since it was told last.
    """

    __slots__ = (
        "_messages",
        "_sequence",
        "_tell_taken",
        "_told_bytes",
        "began",
        "ended",
        "heard_at",
        "leader",
        "taken_bytes",
    )

    def __init__(self, leader: Address, tell_taken: Callable[[], None], now: float) -> None:
        self.leader = leader
        self._tell_taken = tell_taken
        self._messages: asyncio.Queue[ToFollower | None] = asyncio.Queue()
        self._sequence = 0
        self.taken_bytes = 0
        self._told_bytes = 0
        self.began = False
        self.ended = False
        self.heard_at = now

    def put(self, message: ToFollower, now: float) -> None:
        """The next message that came."""
        self.heard_at = now
        if not isinstance(message, Alive):
            self._messages.put_nowait(message)

    def lose(self) -> None:
        """Nothing more will come, or something is missing."""
        self._messages.put_nowait(None)

    async def write_to(self, write: Send) -> None:
        """Pass everything on. Raises what the leader's own readers get, or as `_lost` says."""
        while True:
            message = await self._messages.get()
            match message:
                case Piece(sequence=self._sequence):
                    await self._write(message, write)
                    if self.ended:
                        return
                case Failure(sequence=self._sequence, error=error) if not self._leader_leaves(error):
                    raise error
                case _:
                    raise self._lost()

    async def _write(self, piece: Piece, write: Send) -> None:
        self._sequence += 1
        self.ended = piece.ended
        if piece.beginning is not None:
            self.began = True
            await write({"type": "http.response.start", **piece.beginning._asdict()})
        await write({"type": "http.response.body", "body": piece.body, "more_body": not piece.ended})
        self.taken_bytes += len(piece.body)
        if self.taken_bytes - self._told_bytes >= TAKEN_BYTES:
            self._told_bytes = self.taken_bytes
            self._tell_taken()

    def _leader_leaves(self, error: errors.GatewayError) -> bool:
        return not self.began and error.code == errors.shutting_down().code

    def _lost(self) -> Exception:
        if self.began:
            return errors.upstream_failed("The gateway that asked the engine was lost before its answer was complete.")
        return FlightLostError(self.leader)
