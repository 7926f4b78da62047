"""What an engine says of its own load: a few lines of vLLM's /metrics."""

from __future__ import annotations

import re
from dataclasses import dataclass

# https://docs.vllm.ai/en/stable/usage/metrics/ (2026-11). An engine with data parallelism has a line per rank.
LINE = re.compile(
    rb"^vllm:(num_requests_running|num_requests_waiting|generation_tokens_total|prompt_tokens_total)"
    rb"(?:\{.*\})? ([0-9.eE+]+)",
    re.MULTILINE,
)
NEEDED = frozenset({b"num_requests_running", b"num_requests_waiting", b"generation_tokens_total"})


@dataclass(frozen=True, slots=True)
class EngineLoad:
    """`tokens`: of prompts and of completions, since the engine started; it goes up as long as the engine works."""

    running: int
    waiting: int
    tokens: float


def parse_engine_load(metrics: bytes) -> EngineLoad | None:
    """Out of the text exposition; None where the lines are missing: another engine, or an older one.

    Only these lines are looked at: a scrape is some 100 kB, every second or two, of every engine.
    """
    sums: dict[bytes, float] = {}
    for name, value in LINE.findall(metrics):
        sums[name] = sums.get(name, 0.0) + float(value)
    if not sums.keys() >= NEEDED:
        return None
    return EngineLoad(
        running=int(sums[b"num_requests_running"]),
        waiting=int(sums[b"num_requests_waiting"]),
        tokens=sums[b"generation_tokens_total"] + sums.get(b"prompt_tokens_total", 0.0),
    )
