"""Interrupts the serving of a request: the client left, or the engine is silent for too long."""

from __future__ import annotations

import asyncio
from enum import Enum, auto
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.types import Receive


class Interruption(Enum):
    """Why a request is not served to its end."""

    CLIENT_DISCONNECTED = auto()
    FIRST_BYTE_TIMEOUT = auto()
    IDLE_TIMEOUT = auto()


class Watch:
    """Cancels the task that serves a request, at most once, and remembers why.

    Time counts only while `waiting_since` is set, so that a client that reads slowly is not taken for an engine that
    answers slowly. One timer per request, which re-arms itself only when it fires: a chunk costs two assignments.
    """

    __slots__ = ("_limit_seconds", "_loop", "_on_timeout", "_task", "_timer", "_watcher", "reason", "waiting_since")

    def __init__(self, receive: Receive) -> None:
        self._loop = asyncio.get_running_loop()
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - always called from a request's task
        self._task = task
        self._timer: asyncio.TimerHandle | None = None
        self._limit_seconds = 0.0
        self._on_timeout = Interruption.FIRST_BYTE_TIMEOUT
        self.reason: Interruption | None = None
        self.waiting_since = 0.0
        self._watcher = self._loop.create_task(self._wait_for_disconnect(receive))

    def limit(self, seconds: float, on_timeout: Interruption) -> None:
        """From now on, interrupt with `on_timeout` when the engine is waited for longer than `seconds`."""
        self._limit_seconds = seconds
        self._on_timeout = on_timeout
        self.waiting_since = self._loop.time()
        self._arm(seconds)

    def now(self) -> float:
        """The clock of `waiting_since`."""
        return self._loop.time()

    def stop(self) -> None:
        """No interruption after this."""
        self._watcher.cancel()
        if self._timer is not None:
            self._timer.cancel()

    def absorb(self) -> Interruption | None:
        """Called on CancelledError: the reason, if it was this watch that cancelled; the task then goes on."""
        if self.reason is not None:
            self._task.uncancel()
        return self.reason

    def _interrupt(self, reason: Interruption) -> None:
        if self.reason is None:
            self.reason = reason
            self._task.cancel()

    async def _wait_for_disconnect(self, receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self._interrupt(Interruption.CLIENT_DISCONNECTED)

    def _arm(self, seconds: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_later(seconds, self._check)

    def _check(self) -> None:
        waited_seconds = self._loop.time() - self.waiting_since if self.waiting_since else 0.0
        if waited_seconds >= self._limit_seconds:
            self._interrupt(self._on_timeout)
        else:
            self._arm(self._limit_seconds - waited_seconds)
