"""How much memory a gateway takes while many streams are open."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from benchmarks.gateways.load_generator import StreamsNotOpenedError
from benchmarks.gateways.process import resident_bytes

if TYPE_CHECKING:
    from benchmarks.gateways.measurement import Bench, Measurement
    from benchmarks.gateways.subject import Subject

SETTLE_SECONDS = 1.0


def measure_memory(subjects: list[Subject], measurements: dict[str, Measurement], bench: Bench) -> None:
    """Resident memory of the process tree while the streams are open and silent, after all other load."""
    streams = bench.effort.streams
    for subject in subjects:
        bench.say(f"memory at {streams} open streams: {subject.name}")
        measured = measurements[subject.name]
        try:
            with bench.generator.idle_streams(subject.target, streams):
                time.sleep(SETTLE_SECONDS)
                measured.resident_bytes = resident_bytes(subject.process)
        except StreamsNotOpenedError as error:
            measured.problems.append(str(error))
