"""Finds engines that say they are well, but do nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from moorage_serving.gateway.upstream.engine_load import EngineLoad


class ProgressCheck:
    """An engine is stalled when requests have run for `stall_seconds` and no token has moved in that time."""

    __slots__ = ("_moved_at", "_stall_seconds", "_tokens")

    def __init__(self, stall_seconds: float) -> None:
        self._stall_seconds = stall_seconds
        self._tokens = -1.0
        self._moved_at = 0.0

    def is_stalled(self, load: EngineLoad, now: float) -> bool:
        """Judge one more look at the engine; `now` is a monotonic time in seconds."""
        # Tokens count from zero again after a restart, which is a movement too.
        if not load.running or load.tokens != self._tokens:
            self._tokens = load.tokens
            self._moved_at = now
        return now - self._moved_at >= self._stall_seconds
