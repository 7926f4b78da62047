"""What a gateway spends: CPU per request and per chunk, in a closed loop."""

from __future__ import annotations

import statistics
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from benchmarks.gateways.measurement import CHUNKS, PACED_GAP, Bench, Measurement
from benchmarks.gateways.process import cpu_seconds

if TYPE_CHECKING:
    from benchmarks.gateways.load_generator import Load
    from benchmarks.gateways.subject import Subject

WARM_UP_SHARE = 0.25


@dataclass
class _Rounds:
    """One value per round, and what a closed loop reached in the last one."""

    request: list[float] = field(default_factory=list)
    redis: list[float] = field(default_factory=list)
    chunk: list[float] = field(default_factory=list)
    paced_chunk: list[float] = field(default_factory=list)
    engine_share: list[float] = field(default_factory=list)
    capacity: float = 0.0


def measure_costs(subjects: list[Subject], measurements: dict[str, Measurement], bench: Bench) -> dict[str, float]:
    """Fills in the costs; returns how many requests per second each took in a closed loop.

    All subjects in turn, several rounds, so that what slows the machine down meanwhile slows all of them.
    """
    rounds = {subject.name: _Rounds() for subject in subjects}
    for subject in subjects:
        _warm_up(subject, bench)
    for number in range(bench.effort.rounds):
        for subject in subjects:
            bench.say(f"cost, round {number + 1} of {bench.effort.rounds}: {subject.name}")
            _measure_round(subject, rounds[subject.name], measurements[subject.name], bench)
    for name, of in rounds.items():
        measured = measurements[name]
        measured.request_cpu_seconds = statistics.median(of.request)
        measured.redis_request_cpu_seconds = statistics.median(of.redis)
        measured.chunk_cpu_seconds = statistics.median(of.chunk)
        measured.paced_chunk_cpu_seconds = statistics.median(of.paced_chunk) if of.paced_chunk else None
        measured.engine_share = max(of.engine_share)
    return {name: of.capacity for name, of in rounds.items()}


def _warm_up(subject: Subject, bench: Bench) -> None:
    """The first requests load code and fill pools and, where all are the same, the cache."""
    seconds = bench.effort.closed_seconds * WARM_UP_SHARE
    for stream in (False, True):
        bench.generator.closed_loop(subject.target, seconds=seconds, chunks=CHUNKS, stream=stream)


def _measure_round(subject: Subject, rounds: _Rounds, measured: Measurement, bench: Bench) -> None:
    engine_before, redis_before = subject.engine_requests(), cpu_seconds(bench.around.redis)
    documents, spent = _spend(subject, measured, bench)
    rounds.redis.append((cpu_seconds(bench.around.redis) - redis_before) / documents.requests)
    rounds.request.append(spent / documents.requests)
    rounds.capacity = documents.requests / documents.seconds
    streams, spent = _spend(subject, measured, bench, stream=True)
    rounds.chunk.append(spent / max(1, streams.chunks))
    asked = subject.engine_requests() - engine_before
    rounds.engine_share.append(asked / (documents.requests + streams.requests))
    if not subject.target.same:  # a cache does not wait between chunks
        paced, spent = _spend(subject, measured, bench, stream=True, gap=PACED_GAP)
        rounds.paced_chunk.append(spent / max(1, paced.chunks))


def _spend(subject: Subject, measured: Measurement, bench: Bench, **answer: Any) -> tuple[Load, float]:
    """A closed loop, and the CPU seconds that the subject spent on it."""
    before = cpu_seconds(subject.process)
    load = bench.generator.closed_loop(subject.target, seconds=bench.effort.closed_seconds, chunks=CHUNKS, **answer)
    spent = cpu_seconds(subject.process) - before
    measured.note_errors(load)
    return load, spent
