"""Ends calls to Redis whose reply is late, and what is asked of a Redis that falls silent."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from moorage_serving.gateway.redis_calls import Call

# A process that is busy for longer than a call may take finds its time over before it has looked for the reply. So
# many turns of the event loop send a command, read its reply and wake who waits for it.
LAST_TURNS = 4


class Deadlines:
    """`expire` is called for each call that has no reply when its time is over.

    Its time is over when `timeout_seconds` have passed and the event loop has turned four times since: while it is the
    process itself that is slow, a reply that lies in the socket is read before its call is given up. Costs a timer per
    timeout, not one per call, so timeouts should be few.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, expire: Callable[[Call], None]) -> None:
        self._loop = loop
        self._expire = expire
        self._lines: dict[float, Line] = {}

    def watch(self, call: Call, timeout_seconds: float) -> None:
        """`call` has been made now."""
        line = self._lines.get(timeout_seconds)
        if line is None:
            line = self._lines[timeout_seconds] = Line(self._loop, self._expire, timeout_seconds)
        line.append(call)

    def close(self) -> None:
        """No call is ended after this."""
        for line in self._lines.values():
            line.close()


class Line:
    """Calls that may take equally long, in the order in which their time is over."""

    __slots__ = ("_calls", "_expire", "_handle", "_loop", "_timeout_seconds")

    def __init__(self, loop: asyncio.AbstractEventLoop, expire: Callable[[Call], None], timeout_seconds: float) -> None:
        self._loop = loop
        self._expire = expire
        self._timeout_seconds = timeout_seconds
        self._calls: deque[tuple[float, Call]] = deque()
        self._handle: asyncio.Handle | None = None

    def append(self, call: Call) -> None:
        self._calls.append((self._loop.time() + self._timeout_seconds, call))
        if self._handle is None:
            self._handle = self._loop.call_later(self._timeout_seconds, self._turn, LAST_TURNS)

    def close(self) -> None:
        if self._handle is not None:
            self._handle.cancel()

    def _turn(self, left: int) -> None:
        if left:
            self._handle = self._loop.call_soon(self._turn, left - 1)
        else:
            self._end_late_calls()

    def _end_late_calls(self) -> None:
        calls, now = self._calls, self._loop.time()
        while calls and (calls[0][1].unwanted or calls[0][0] <= now):
            _, call = calls.popleft()
            if not call.unwanted:
                self._expire(call)
        self._handle = self._loop.call_later(calls[0][0] - now, self._turn, LAST_TURNS) if calls else None


class Silence:
    """An asynchronous context manager, whose block ends with TimeoutError once nothing has been heard for `seconds`.

    As with `Deadlines`, the event loop has turned four times since: a process that was busy for so long itself looks
    into the socket first.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, seconds: float) -> None:
        self._loop = loop
        self._seconds = seconds
        self._block = asyncio.timeout(None)

    async def __aenter__(self) -> Self:
        await self._block.__aenter__()
        self.heard()
        self._handle: asyncio.Handle = self._loop.call_later(self._seconds, self._turn, LAST_TURNS)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        self._handle.cancel()
        return await self._block.__aexit__(kind, error, trace)

    def heard(self) -> None:
        """Something has been heard now."""
        self._heard_at = self._loop.time()

    def _turn(self, left: int) -> None:
        if left:
            self._handle = self._loop.call_soon(self._turn, left - 1)
            return
        now = self._loop.time()
        left_seconds = self._heard_at + self._seconds - now
        if left_seconds > 0:
            self._handle = self._loop.call_later(left_seconds, self._turn, LAST_TURNS)
        else:
            self._block.reschedule(now)
