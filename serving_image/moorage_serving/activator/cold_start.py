"""How long an engine took from nothing to its first answer, and what it did in that time."""

from __future__ import annotations

import re

START, WEIGHTS, ENGINE = "start", "weights", "engine"
PHASES = (START, WEIGHTS, ENGINE)
# vllm/v1/worker/gpu_model_runner.py and cpu_model_runner.py, vllm/model_executor/model_loader/default_loader.py,
# vLLM 0.32.0. Each worker writes them.
_WEIGHTS_BEGIN = re.compile(r"\bStarting to load model ")
_WEIGHTS_END = re.compile(r"\b(?:Loading weights|Model loading) took ")


class ColdStart:
    """One start, from the engine's own log lines. Times are seconds of one clock.

    start: the process comes up, libraries are imported. weights: from the first worker that begins to load until the
    last one is done. engine: cache, warm-up and the server, until the first answer.
    """

    def __init__(self, began_at: float) -> None:
        self._began_at = began_at
        self._weights_began_at: float | None = None
        self._weights_ended_at: float | None = None

    def begin_again(self) -> None:
        """The process died and is started once more; the time is counted from the first try."""
        self._weights_began_at = self._weights_ended_at = None

    def read(self, line: str, at: float) -> None:
        """A line of the log that was written about `at`."""
        if self._weights_began_at is None:
            if _WEIGHTS_BEGIN.search(line):
                self._weights_began_at = at
        elif _WEIGHTS_END.search(line):
            self._weights_ended_at = at

    def phases(self, ready_at: float) -> dict[str, float]:
        """Seconds by phase; they add up to the whole. An engine that tells nothing of its weights has only a start."""
        began, ended = self._weights_began_at, self._weights_ended_at
        if began is None or ended is None:
            return {START: ready_at - self._began_at}
        return {START: began - self._began_at, WEIGHTS: ended - began, ENGINE: ready_at - ended}
