"""What an engine says of its own load: a few lines of vLLM's /metrics."""

from __future__ import annotations

import re
from dataclasses import dataclass

# https://docs.vllm.ai/en/stable/usage/metrics/ (2026-11). An engine with data parallelism has a line per rank.
NAMES = (b"num_requests_running", b"num_requests_waiting", b"generation_tokens_total", b"prompt_tokens_total")
NEEDED = frozenset(NAMES[:3])
LABELS_AND_VALUE = re.compile(rb"(?:\{.*\})? ([0-9.eE+]+)")


@dataclass(frozen=True, slots=True)
class EngineLoad:
    """`tokens`: of prompts and of completions, since the engine started; it goes up as long as the engine works."""

    running: int
    waiting: int
    tokens: float


def parse_engine_load(metrics: bytes) -> EngineLoad | None:
    """Out of the text exposition; None where the lines are missing: another engine, or an older one.

    Only these lines are looked at: a scrape is some 100 kB, every second or two, of every engine. Searching for them
    takes a tenth of what a regular expression takes that looks at every line.
    """
    text = b"\n" + metrics
    sums: dict[bytes, float] = {}
    for name in NAMES:
        start_of_line = b"\nvllm:" + name
        at = -1
        while (at := text.find(start_of_line, at + 1)) >= 0:
            # A longer name that begins with this one does not match.
            if found := LABELS_AND_VALUE.match(text, at + len(start_of_line)):
                sums[name] = sums.get(name, 0.0) + float(found[1])
    if not sums.keys() >= NEEDED:
        return None
    return EngineLoad(
        running=int(sums[b"num_requests_running"]),
        waiting=int(sums[b"num_requests_waiting"]),
        tokens=sums[b"generation_tokens_total"] + sums.get(b"prompt_tokens_total", 0.0),
    )
