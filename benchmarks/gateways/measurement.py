"""What is measured of a gateway, and how long."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.gateways.load_generator import Load, LoadGenerator
    from benchmarks.gateways.subject import Surroundings

CHUNKS, PACED_GAP = 200, "5ms"


@dataclass(frozen=True)
class Effort:
    """How long everything is measured."""

    rounds: int
    closed_seconds: float
    first_byte_seconds: float
    rate_seconds: float
    streams: int


FULL = Effort(rounds=3, closed_seconds=4, first_byte_seconds=20, rate_seconds=3, streams=1000)
QUICK = Effort(rounds=1, closed_seconds=1, first_byte_seconds=3, rate_seconds=1, streams=1000)


@dataclass(frozen=True)
class Bench:
    """What every measurement needs. `say` tells the progress."""

    generator: LoadGenerator
    around: Surroundings
    effort: Effort
    say: Callable[[str], None]


@dataclass
class Measurement:
    """What was measured of one subject. CPU is of its whole process tree; None: not measured.

    A cost per chunk is a stream's whole cost divided by its chunks, the request's share included. `engine_share` is the
    share of requests that reached the engine. `requests_per_second` is 0 where no rate passed.
    """

    request_cpu_seconds: float | None = None
    redis_request_cpu_seconds: float | None = None
    chunk_cpu_seconds: float | None = None
    paced_chunk_cpu_seconds: float | None = None
    requests_per_second: float | None = None
    added_first_byte_p50_seconds: float | None = None
    added_first_byte_p99_seconds: float | None = None
    resident_bytes: int | None = None
    engine_share: float | None = None
    problems: list[str] = field(default_factory=list)

    def note_errors(self, load: Load) -> None:
        """An answer that is not whole, or not the answer to its own request, spoils the comparison."""
        if load.errors:
            self.problems.append(f"{load.errors} of {load.requests} requests failed: {load.first_error}")
