"""Interrupts the serving of a request: the client left, or the engine is silent for too long.

What `asyncio.timeout` does, for a third of its price: every request is under three such watches.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from moorage_serving.gateway.protocol import on_departure

if TYPE_CHECKING:
    from starlette.types import Scope


class _Interrupter:
    """Cancels the task that it was made in, at most once, and remembers that it did."""

    __slots__ = ("_cancelling", "_task", "interrupted")

    def __init__(self) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - always called from a request's task
        self._task = task
        self._cancelling = task.cancelling()
        self.interrupted = False

    def absorb(self) -> bool:
        """Called on CancelledError: whether it was this alone that cancelled; the task then goes on."""
        return self.interrupted and self._task.uncancel() <= self._cancelling

    def _interrupt(self) -> None:
        if not self.interrupted:
            self.interrupted = True
            self._task.cancel()


class DisconnectWatch(_Interrupter):
    """Interrupts when the client leaves. The request's body must have been read."""

    __slots__ = ("_on_departure",)

    def __init__(self, scope: Scope) -> None:
        super().__init__()
        self._on_departure = on_departure(scope)
        self._on_departure.add(self._interrupt)

    def stop(self) -> None:
        """No interruption after this."""
        self._on_departure.discard(self._interrupt)


class TimeLimit(_Interrupter):
    """Interrupts after `seconds`."""

    __slots__ = ("_timer",)

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self._timer = asyncio.get_running_loop().call_later(seconds, self._interrupt)

    def stop(self) -> None:
        """No interruption after this."""
        self._timer.cancel()


class IdleTimer(_Interrupter):
    """Interrupts when the engine is waited for longer than `limit_seconds`.

    Time counts only while `waiting_since` is set, so that a client that reads slowly is not taken for an engine that
    answers slowly. One timer per request, which re-arms itself only when it fires: a chunk costs two assignments.
    """

    __slots__ = ("_limit_seconds", "_timer", "now", "waiting_since")

    def __init__(self, limit_seconds: float) -> None:
        super().__init__()
        loop = asyncio.get_running_loop()
        self.now = loop.time
        self._limit_seconds = limit_seconds
        self.waiting_since = self.now()
        self._timer = loop.call_later(limit_seconds, self._check)

    def stop(self) -> None:
        """No interruption after this."""
        self._timer.cancel()

    def _check(self) -> None:
        waited_seconds = self.now() - self.waiting_since if self.waiting_since else 0.0
        if waited_seconds >= self._limit_seconds:
            self._interrupt()
        else:
            left = self._limit_seconds - waited_seconds
            self._timer = asyncio.get_running_loop().call_later(left, self._check)
