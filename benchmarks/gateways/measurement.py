"""Measures one gateway: what it spends, what it adds, how much it takes."""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING

from benchmarks.gateways.load_generator import StreamsNotOpenedError
from benchmarks.gateways.process import cpu_seconds, resident_bytes
from benchmarks.gateways.rate_search import highest_passing_rate

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.gateways.load_generator import Load, LoadGenerator
    from benchmarks.gateways.subject import Subject, Surroundings

CHUNKS, PACED_GAP, MAX_ADDED_P99_SECONDS = 200, "5ms", 0.010
# Streams for the time to first byte are short, and so few that no gateway in the comparison queues them.
FIRST_BYTE_LOAD = {"rate": 10.0, "stream": True, "chunks": 20, "gap": PACED_GAP}
SETTLE_SECONDS = 1.0


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


@dataclass
class Measurement:
    """What was measured of one subject. CPU is of its whole process tree; None: not measured.

    A cost per chunk is a stream's whole cost divided by its chunks, the request's share included.
    """

    request_cpu_seconds: float | None = None
    redis_request_cpu_seconds: float | None = None
    chunk_cpu_seconds: float | None = None
    paced_chunk_cpu_seconds: float | None = None
    requests_per_second: float | None = None
    added_first_byte_p50_seconds: float | None = None
    added_first_byte_p99_seconds: float | None = None
    resident_bytes: int | None = None
    engine_share: float = 0.0  # requests that reached the engine, of those that were made
    problems: list[str] = field(default_factory=list)


@dataclass
class _Costs:
    request: list[float] = field(default_factory=list)
    redis: list[float] = field(default_factory=list)
    chunk: list[float] = field(default_factory=list)
    paced_chunk: list[float] = field(default_factory=list)


def measure(
    subjects: list[Subject], around: Surroundings, generator: LoadGenerator, effort: Effort, say: Callable[[str], None]
) -> dict[str, Measurement]:
    """All of them in turn, several rounds, so that what slows the machine down meanwhile slows all of them."""
    measurements = {subject.name: Measurement() for subject in subjects}
    capacities = measure_costs(subjects, measurements, around, generator, effort, say)
    measure_first_bytes(subjects, measurements, around.engine, generator, effort, say)
    measure_rates(subjects, measurements, capacities, around.engine, generator, effort, say)
    return measurements


def measure_costs(
    subjects: list[Subject],
    measurements: dict[str, Measurement],
    around: Surroundings,
    generator: LoadGenerator,
    effort: Effort,
    say: Callable[[str], None],
) -> dict[str, float]:
    """CPU per request and per chunk; returns the requests per second of each in a closed loop."""
    costs: dict[str, _Costs] = {subject.name: _Costs() for subject in subjects}
    capacities: dict[str, float] = {}
    for subject in subjects:  # the first requests load code and fill pools and, where they are the same, the cache
        generator.closed_loop(subject.target, seconds=effort.closed_seconds / 4)
        generator.closed_loop(subject.target, seconds=effort.closed_seconds / 4, stream=True, chunks=CHUNKS)
    for number in range(effort.rounds):
        for subject in subjects:
            say(f"cost, round {number + 1} of {effort.rounds}: {subject.name}")
            cost, measured = costs[subject.name], measurements[subject.name]
            asked = subject.engine_requests()

            def spend(
                of: list[float],
                by: str,
                *,
                subject: Subject = subject,
                measured: Measurement = measured,
                **answer: str | bool | int,
            ) -> Load:
                before = cpu_seconds(subject.process)
                load = generator.closed_loop(subject.target, seconds=effort.closed_seconds, chunks=CHUNKS, **answer)
                of.append((cpu_seconds(subject.process) - before) / max(1, getattr(load, by)))
                note_errors(measured, load)
                return load

            redis_before = cpu_seconds(around.redis)
            load = spend(cost.request, "requests")
            cost.redis.append((cpu_seconds(around.redis) - redis_before) / load.requests)
            capacities[subject.name] = load.requests / load.seconds
            made = load.requests + spend(cost.chunk, "chunks", stream=True).requests
            measured.engine_share = (subject.engine_requests() - asked) / made
            if not subject.target.same:
                spend(cost.paced_chunk, "chunks", stream=True, gap=PACED_GAP)
    for name, cost in costs.items():
        measured = measurements[name]
        measured.request_cpu_seconds = statistics.median(cost.request)
        measured.redis_request_cpu_seconds = statistics.median(cost.redis)
        measured.chunk_cpu_seconds = statistics.median(cost.chunk)
        measured.paced_chunk_cpu_seconds = statistics.median(cost.paced_chunk) if cost.paced_chunk else None
    return capacities


def measure_first_bytes(
    subjects: list[Subject],
    measurements: dict[str, Measurement],
    engine: Subject,
    generator: LoadGenerator,
    effort: Effort,
    say: Callable[[str], None],
) -> None:
    """What a gateway adds to the time to first byte of a stream, under a light load."""
    direct = generator.open_loop(engine.target, seconds=effort.first_byte_seconds, **FIRST_BYTE_LOAD)
    for subject in subjects:
        if subject.is_direct:
            continue
        say(f"time to first byte: {subject.name}")
        load = generator.open_loop(subject.target, seconds=effort.first_byte_seconds, **FIRST_BYTE_LOAD)
        measured = measurements[subject.name]
        measured.added_first_byte_p50_seconds = load.first_byte_p50_seconds - direct.first_byte_p50_seconds
        measured.added_first_byte_p99_seconds = load.first_byte_p99_seconds - direct.first_byte_p99_seconds
        note_errors(measured, load)


def measure_rates(
    subjects: list[Subject],
    measurements: dict[str, Measurement],
    capacities: dict[str, float],
    engine: Subject,
    generator: LoadGenerator,
    effort: Effort,
    say: Callable[[str], None],
) -> None:
    """The highest rate of plain requests at which a gateway adds less than 10 ms to the p99."""

    @cache
    def direct_p99_seconds(rate: float) -> float:
        load = generator.open_loop(engine.target, seconds=effort.rate_seconds, rate=rate, chunks=CHUNKS)
        return load.latency_p99_seconds

    for subject in subjects:
        if subject.is_direct:
            continue

        def passes(rate: float, subject: Subject = subject) -> bool:
            say(f"requests per second: {subject.name} at {rate:.0f}")
            load = generator.open_loop(subject.target, seconds=effort.rate_seconds, rate=rate, chunks=CHUNKS)
            if load.given_up or load.errors:
                return False
            return load.latency_p99_seconds - direct_p99_seconds(rate) < MAX_ADDED_P99_SECONDS

        measurements[subject.name].requests_per_second = highest_passing_rate(capacities[subject.name], passes)


def measure_memory(
    subjects: list[Subject],
    measurements: dict[str, Measurement],
    generator: LoadGenerator,
    effort: Effort,
    say: Callable[[str], None],
) -> None:
    """Resident memory while this many streams are open and silent."""
    for subject in subjects:
        say(f"memory at {effort.streams} open streams: {subject.name}")
        measured = measurements[subject.name]
        try:
            with generator.idle_streams(subject.target, effort.streams):
                time.sleep(SETTLE_SECONDS)
                measured.resident_bytes = resident_bytes(subject.process)
        except StreamsNotOpenedError as error:
            measured.problems.append(str(error))


def note_errors(measured: Measurement, load: Load) -> None:
    """An answer that is not whole, or not the answer to its own request, spoils the comparison."""
    if load.errors:
        measured.problems.append(f"{load.errors} of {load.requests} requests failed: {load.first_error}")
