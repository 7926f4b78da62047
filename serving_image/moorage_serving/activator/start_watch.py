"""Watches one start of the engine through its log."""

from __future__ import annotations

from moorage_serving.activator.cold_start import ColdStart
from moorage_serving.activator.log_tail import LogTail


class StartWatch:
    """Made before the process is started. Lines count as written when they are read, so `read` is called often."""

    def __init__(self, log_file: str, began_at: float) -> None:
        self._tail = LogTail(log_file)
        self._cold_start = ColdStart(began_at)

    def begin_again(self) -> None:
        """The process died and is started once more."""
        self._cold_start.begin_again()

    def read(self, now: float) -> None:
        for line in self._tail.lines():
            self._cold_start.read(line, now)

    def phases(self, ready_at: float) -> dict[str, float]:
        """Seconds by phase."""
        self.read(ready_at)
        return self._cold_start.phases(ready_at)
