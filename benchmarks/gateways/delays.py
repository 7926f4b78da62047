"""What a gateway adds to the time of a request, in open loops, and up to which rate it adds little."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import TYPE_CHECKING

from benchmarks.gateways.measurement import CHUNKS, PACED_GAP, Bench, Measurement
from benchmarks.gateways.rate_search import highest_passing_rate

if TYPE_CHECKING:
    from benchmarks.gateways.subject import Subject

MAX_ADDED_P99_SECONDS = 0.010
TRIES_PER_RATE = 2  # a disturbance by somebody else on the machine must not decide
# Streams for the time to first byte are short, and so few that no gateway in the comparison queues them.
FIRST_BYTE_RATE, FIRST_BYTE_CHUNKS = 10.0, 20


def measure_first_bytes(gateways: list[Subject], measurements: dict[str, Measurement], bench: Bench) -> None:
    """The time to first byte of a stream under a light load, less the engine's own."""
    load = {"seconds": bench.effort.first_byte_seconds, "rate": FIRST_BYTE_RATE}
    answer = {"stream": True, "chunks": FIRST_BYTE_CHUNKS, "gap": PACED_GAP}
    with ThreadPoolExecutor() as pool:
        for gateway in gateways:
            bench.say(f"time to first byte: {gateway.name}")
            # Side by side: what disturbs the one disturbs the other.
            targets = (bench.around.engine.target, gateway.target)
            direct, through = pool.map(lambda target: bench.generator.open_loop(target, **load, **answer), targets)
            measured = measurements[gateway.name]
            measured.added_first_byte_p50_seconds = through.first_byte_p50_seconds - direct.first_byte_p50_seconds
            measured.added_first_byte_p99_seconds = through.first_byte_p99_seconds - direct.first_byte_p99_seconds
            measured.note_errors(through)


def measure_rates(
    gateways: list[Subject], measurements: dict[str, Measurement], capacities: dict[str, float], bench: Bench
) -> None:
    """The highest rate of plain requests at which a gateway adds less than 10 ms to the p99."""
    seconds = bench.effort.rate_seconds

    @cache
    def direct_p99_seconds(rate: float) -> float:
        load = bench.generator.open_loop(bench.around.engine.target, seconds=seconds, rate=rate, chunks=CHUNKS)
        return load.latency_p99_seconds

    def passes(gateway: Subject, rate: float) -> bool:
        bench.say(f"requests per second: {gateway.name} at {rate:.0f}")
        load = bench.generator.open_loop(gateway.target, seconds=seconds, rate=rate, chunks=CHUNKS)
        if load.given_up or load.errors:
            return False
        return load.latency_p99_seconds - direct_p99_seconds(rate) < MAX_ADDED_P99_SECONDS

    for gateway in gateways:
        capacity = capacities[gateway.name]
        rate = highest_passing_rate(
            capacity, lambda rate, gateway=gateway: any(passes(gateway, rate) for _ in range(TRIES_PER_RATE))
        )
        measurements[gateway.name].requests_per_second = rate
