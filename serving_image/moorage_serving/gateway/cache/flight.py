"""One answer of an engine that several requests read while it comes."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Protocol

from moorage_serving.gateway import errors
from moorage_serving.gateway.cache.completeness import NotStored

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.types import Message, Send

    from moorage_serving.gateway.cache.metrics import CacheMetrics
    from moorage_serving.gateway.responses import HeaderList

    Fetch = Callable[[Send], Awaitable[None]]

# The answer's, but each reader's own.
OWN_HEADERS = frozenset({b"x-request-id", b"cache-status"})


class Landing(Protocol):
    """What is done with a whole answer. Must not raise."""

    async def __call__(self, status: int, headers: HeaderList, body: bytes) -> None: ...


class Reader:
    """How far one request has read."""

    __slots__ = ("read_bytes", "read_pieces", "waiting")

    def __init__(self) -> None:
        self.read_pieces = 0
        self.read_bytes = 0
        self.waiting: asyncio.Future[None] | None = None


class Flight:
    """The answer: filled by `write`, an ASGI `send`, and given to each reader from its beginning.

    Up to `max_bytes` are kept whole. An answer that grows larger loses what all have read, takes no new readers, and
    is taken from the engine only as fast as its slowest reader reads once `max_bytes` are unread.
    """

    __slots__ = (
        "_dropped_pieces",
        "_error",
        "_max_bytes",
        "_metrics",
        "_pieces",
        "_readers",
        "_size_bytes",
        "_start",
        "_writer",
        "ended",
        "task",
    )

    def __init__(self, max_bytes: int, metrics: CacheMetrics) -> None:
        self._max_bytes = max_bytes
        self._metrics = metrics
        self._start: Message | None = None
        self._pieces: list[bytes] = []
        self._dropped_pieces = 0
        self._size_bytes = 0
        self._readers: set[Reader] = set()
        self._writer: asyncio.Future[None] | None = None
        self._error: Exception | None = None
        self.ended = False
        self.task: asyncio.Task[None] | None = None

    @property
    def too_large(self) -> bool:
        return self._size_bytes > self._max_bytes

    @property
    def joinable(self) -> bool:
        """Whether another request may read it: from its first byte, and as long as somebody keeps it alive."""
        return not self.too_large and self._error is None and (self.ended or bool(self._readers))

    def whole(self) -> tuple[int, HeaderList, bytes] | None:
        """Status, headers and body of an ended answer; None where it is not kept whole."""
        if self._start is None or self.too_large or not self.ended:
            return None
        return self._start["status"], self._start["headers"], b"".join(self._pieces)

    def fail(self, error: Exception) -> None:
        """Every reader gets this error after the bytes that came before it."""
        if not self.ended:
            self._error = error
            self._wake_readers()

    async def write(self, message: Message) -> None:
        """Take the next ASGI message."""
        if message["type"] == "http.response.start":
            headers = [item for item in message["headers"] if item[0] not in OWN_HEADERS]
            self._start = {**message, "headers": headers}
        else:
            if piece := message.get("body", b""):
                self._pieces.append(piece)
                self._size_bytes += len(piece)
            self.ended = not message.get("more_body", False)
        self._wake_readers()
        if self.too_large and not self.ended:
            await self._wait_for_slowest()

    async def read(self, send: Send, status: bytes) -> None:
        """Pass everything on, from the beginning; `status` is this reader's Cache-Status.

        Raises what `fail` was given.
        """
        reader = Reader()
        self._readers.add(reader)
        self._metrics.readers.inc()
        try:
            while self._start is None:
                await self._news(reader)
            headers = [*self._start["headers"], (b"cache-status", status)]
            await send({"type": "http.response.start", "status": self._start["status"], "headers": headers})
            await self._read_body(reader, send)
        finally:
            self._metrics.readers.dec()
            self._leave(reader)

    async def _read_body(self, reader: Reader, send: Send) -> None:
        while True:
            begin = reader.read_pieces - self._dropped_pieces
            unread = len(self._pieces) - begin
            if not unread and not self.ended:
                await self._news(reader)
                continue
            # What came while this reader was busy goes on as one message.
            piece = self._pieces[begin] if unread == 1 else b"".join(self._pieces[begin:])
            ended = self.ended
            await send({"type": "http.response.body", "body": piece, "more_body": not ended})
            if ended:
                return
            reader.read_pieces += unread
            reader.read_bytes += len(piece)
            if self._writer is not None:
                self._wake_writer()

    async def _news(self, reader: Reader) -> None:
        """Wait for the next message. A future of the reader's own: cancelling a task cancels what it waits for."""
        if self._error is not None:
            raise self._error.with_traceback(None)
        reader.waiting = asyncio.get_running_loop().create_future()
        await reader.waiting
        reader.waiting = None

    def _leave(self, reader: Reader) -> None:
        self._readers.discard(reader)
        self._wake_writer()
        if not self._readers and not self.ended and self.task is not None:
            self.task.cancel()

    def _wake_readers(self) -> None:
        for reader in self._readers:
            if reader.waiting is not None and not reader.waiting.done():
                reader.waiting.set_result(None)

    async def _wait_for_slowest(self) -> None:
        while self._readers:
            self._drop_read_pieces()
            slowest_bytes = min(reader.read_bytes for reader in self._readers)
            if self._size_bytes - slowest_bytes <= self._max_bytes:
                return
            self._writer = asyncio.get_running_loop().create_future()
            try:
                await self._writer
            finally:
                self._writer = None

    def _drop_read_pieces(self) -> None:
        read_by_all = min(reader.read_pieces for reader in self._readers) - self._dropped_pieces
        if read_by_all > 0:
            del self._pieces[:read_by_all]
            self._dropped_pieces += read_by_all

    def _wake_writer(self) -> None:
        if self._writer is not None and not self._writer.done():
            self._writer.set_result(None)


class Flights:
    """Those under way, by the digest of the request they answer."""

    def __init__(self, metrics: CacheMetrics) -> None:
        self._metrics = metrics
        self._newest: dict[bytes, Flight] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def find(self, digest: bytes) -> Flight | None:
        """The one that a further request may read."""
        flight = self._newest.get(digest)
        return flight if flight is not None and flight.joinable else None

    def start(self, digest: bytes, fetch: Fetch, land: Landing | None, *, max_bytes: int) -> Flight:
        """Begin another, which `find` finds from now on. Its first reader has to begin in the same turn.

        `land` is None where another process sees to that.
        """
        flight = self._newest[digest] = Flight(max_bytes, self._metrics)
        self._metrics.flights.inc()
        flight.task = task = asyncio.get_running_loop().create_task(self._fly(flight, fetch, land))
        self._tasks.add(task)
        task.add_done_callback(lambda done: self._landed(digest, flight, done))
        return flight

    async def close(self) -> None:
        """End all of them."""
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _fly(self, flight: Flight, fetch: Fetch, land: Landing | None) -> None:
        try:
            await fetch(flight.write)
        except asyncio.CancelledError:
            flight.fail(errors.shutting_down())
            raise
        except Exception as error:  # noqa: BLE001 - raised again in every reader
            flight.fail(error)
            return
        if not flight.ended:
            flight.fail(errors.upstream_failed("The engine broke off before its answer was complete."))
        elif land is None:
            return
        elif flight.too_large:
            self._metrics.count_answer(NotStored.TOO_LARGE)
        elif (whole := flight.whole()) is not None:
            # Until it is stored it can still be joined: a request in between asks no engine.
            await land(*whole)

    def _landed(self, digest: bytes, flight: Flight, task: asyncio.Task[None]) -> None:
        """A callback, since a task that is cancelled before its first step never runs its `finally`."""
        self._metrics.flights.dec()
        self._tasks.discard(task)
        if task.cancelled():
            flight.fail(errors.shutting_down())
        if self._newest.get(digest) is flight:
            del self._newest[digest]
