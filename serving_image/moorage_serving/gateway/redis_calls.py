"""Commands for Redis on their way from a request to the connection and back. No I/O."""

from __future__ import annotations

import hashlib
from collections import deque
from typing import TYPE_CHECKING

import hiredis

if TYPE_CHECKING:
    import asyncio

Argument = str | bytes | int | float
Reply = bytes | int | list["Reply"] | None
MAX_BATCH_COMMANDS = 512
MAX_QUEUED_POSTS = 10_000
MAX_QUEUED_POST_BYTES = 16 * 1024 * 1024


class RedisUnavailableError(Exception):
    """There is no reply. `may_have_run` says whether the command may have taken effect all the same."""

    def __init__(self, reason: str, *, may_have_run: bool) -> None:
        super().__init__(reason)
        self.may_have_run = may_have_run


class Script:
    """A Lua script and the name that Redis gives it, the SHA-1 of its source."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.sha1 = hashlib.sha1(source.encode(), usedforsecurity=False).hexdigest()


def pack(*command: Argument) -> bytes:
    """A command as Redis reads it."""
    return hiredis.pack_command(command)  # pyright: ignore[reportArgumentType] - its stub knows tuples of one only


class Call:
    """One command; `future` is None where nobody reads the reply."""

    __slots__ = ("future", "packed", "script", "sent")

    def __init__(
        self, packed: bytes, future: asyncio.Future[Reply] | None, script: tuple[Script, tuple[Argument, ...]] | None
    ) -> None:
        self.packed = packed
        self.future = future
        self.script = script
        self.sent = False

    @property
    def unwanted(self) -> bool:
        return self.future is not None and self.future.done()

    def succeed(self, reply: Reply) -> None:
        if self.future is not None and not self.future.done():
            self.future.set_result(reply)
            self._forget()

    def fail(self, reason: str) -> None:
        if self.future is not None and not self.future.done():
            self.future.set_exception(RedisUnavailableError(reason, may_have_run=self.sent))
            self._forget()

    def _forget(self) -> None:
        """It can be large, and whoever watches the call's deadline holds it for longer."""
        self.packed, self.script = b"", None


class CallQueue:
    """Calls that wait to be sent, and those that were sent and have no reply yet, both in order."""

    def __init__(self) -> None:
        self.in_flight: deque[Call] = deque()
        self._waiting: deque[Call] = deque()
        self.posts = 0
        self._post_bytes = 0
        self._known_scripts: set[str] = set()

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def append(self, call: Call) -> None:
        self._waiting.append(call)

    def append_post(self, call: Call) -> bool:
        """False: too many wait already, this one is dropped."""
        size = self._post_bytes + len(call.packed)
        if self.posts >= MAX_QUEUED_POSTS or size > MAX_QUEUED_POST_BYTES:
            return False
        self.posts += 1
        self._post_bytes = size
        self._waiting.append(call)
        return True

    def take_batch(self) -> list[bytes]:
        """Move calls that are still wanted into the flight; their bytes."""
        packed: list[bytes] = []
        while self._waiting and len(packed) < MAX_BATCH_COMMANDS:
            call = self._waiting.popleft()
            if call.unwanted:
                continue
            if call.future is None:
                self.posts -= 1
                self._post_bytes -= len(call.packed)
            call.sent = True
            self.in_flight.append(call)
            packed.append(self._with_source(call))
        return packed

    def forget_scripts(self) -> None:
        """The server may be another one."""
        self._known_scripts.clear()

    def _with_source(self, call: Call) -> bytes:
        """A script's source goes along the first time, so that what comes after it finds it known."""
        if call.script is None or call.script[0].sha1 in self._known_scripts:
            return call.packed
        script, rest = call.script
        self._known_scripts.add(script.sha1)
        return pack("EVAL", script.source, *rest)

    def fail(self, reason: str) -> int:
        """End all calls; how many posts were on their way and may be lost. Posts that were not sent yet stay.

        What was sent may have run, so that it is not sent again.
        """
        for call in (*self.in_flight, *self._waiting):
            call.fail(reason)
        lost = sum(call.future is None for call in self.in_flight)
        self.in_flight.clear()
        self._waiting = deque(call for call in self._waiting if call.future is None)
        return lost
