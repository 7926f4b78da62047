"""How long an environment took from nothing to its first answer, and what it did in that time."""

from __future__ import annotations

PROCESS, WEIGHTS, ENGINE, GATEWAY = "process", "weights", "engine", "gateway"
# llama.cpp's tools/server/server-context.cpp and server.cpp, as in llama-cpp-python 0.3.36.
_MARKS = {PROCESS: "loading model '", WEIGHTS: "initializing, n_slots = ", ENGINE: "model loaded"}
"""What the engine logs at a phase's end."""


class ColdStart:
    """One start, the engine's part of it from its own log lines. Times are seconds of one clock.

    process: Python and the engine's program come up. weights: the file is read, context and KV cache are made. engine:
    warm-up, until it answers. gateway: what is left of the gateway's own start, which goes on beside the engine's.
    """

    def __init__(self, began_at: float) -> None:
        self._began_at = began_at
        self._ended_at: dict[str, float] = {}

    def read(self, line: str, at: float) -> None:
        """A line of the engine's log that was written about `at`."""
        for phase, mark in _MARKS.items():
            if phase not in self._ended_at:
                if mark in line:
                    self._ended_at[phase] = at
                return

    def phases(self, ready_at: float) -> dict[str, float]:
        """Seconds by phase, in their order; they add up to the whole. What the engine does not tell is in the next."""
        seconds, before = dict[str, float](), self._began_at
        for phase, at in {**self._ended_at, GATEWAY: ready_at}.items():
            seconds[phase], before = at - before, at
        return seconds
