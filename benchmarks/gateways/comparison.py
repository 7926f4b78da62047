"""The goals: what Moorage may cost, as multiples of what vllm-router costs in the same run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from benchmarks.gateways.measurement import Measurement

MAX_REQUEST_RATIO, MAX_CHUNK_RATIO, MAX_HIT_RATIO = 5.0, 2.5, 4.0
MAX_RESIDENT_BYTES = 150_000_000
# Of requests that a cache could answer, how many may still reach the engine: what is asked before the first answer.
MAX_ENGINE_SHARE_OF_HITS = 0.01


@dataclass(frozen=True)
class Verdict:
    """One goal: `value` over `reference` must not be above `limit`. A value that could not be had is a miss."""

    goal: str
    value: float | None
    reference: float | None
    limit: float
    unit: str

    @property
    def ratio(self) -> float | None:
        if self.value is None or not self.reference:
            return None
        return self.value / self.reference

    @property
    def passes(self) -> bool:
        return self.ratio is not None and self.ratio <= self.limit


def verdicts(moorage: Measurement, hits: Measurement, router: Measurement) -> list[Verdict]:
    """Every goal. `hits` is Moorage answering from its cache."""
    are_hits = hits.engine_share is not None and hits.engine_share <= MAX_ENGINE_SHARE_OF_HITS
    return [
        Verdict(
            "CPU per plain request", moorage.request_cpu_seconds, router.request_cpu_seconds, MAX_REQUEST_RATIO, "x"
        ),
        Verdict("CPU per unpaced chunk", moorage.chunk_cpu_seconds, router.chunk_cpu_seconds, MAX_CHUNK_RATIO, "x"),
        Verdict(
            "CPU per paced chunk",
            moorage.paced_chunk_cpu_seconds,
            router.paced_chunk_cpu_seconds,
            MAX_CHUNK_RATIO,
            "x",
        ),
        Verdict(
            "CPU per cache hit, against a plain request",
            hits.request_cpu_seconds if are_hits else None,
            router.request_cpu_seconds,
            MAX_HIT_RATIO,
            "x",
        ),
        Verdict("memory at the open streams", moorage.resident_bytes, 1e6, MAX_RESIDENT_BYTES / 1e6, "MB"),
    ]
