"""What the comparison prints: one table of figures, one of goals, both Markdown."""

from __future__ import annotations

import os
import platform
from typing import TYPE_CHECKING

from rich import box
from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from benchmarks.gateways.comparison import Verdict
    from benchmarks.gateways.measurement import Measurement

ROWS: tuple[tuple[str, Callable[[Measurement], float | None], float, str], ...] = (
    ("CPU per plain request, µs", lambda of: of.request_cpu_seconds, 1e6, ".0f"),
    ("… Redis beside it, µs", lambda of: of.redis_request_cpu_seconds, 1e6, ".0f"),
    ("CPU per chunk, unpaced, µs", lambda of: of.chunk_cpu_seconds, 1e6, ".1f"),
    ("CPU per chunk, 5 ms apart, µs", lambda of: of.paced_chunk_cpu_seconds, 1e6, ".1f"),
    ("requests/s, p99 added < 10 ms", lambda of: of.requests_per_second, 1, ".0f"),
    ("added time to first byte p50, ms", lambda of: of.added_first_byte_p50_seconds, 1e3, ".2f"),
    ("added time to first byte p99, ms", lambda of: of.added_first_byte_p99_seconds, 1e3, ".2f"),
    ("memory, streams open, MB", lambda of: of.resident_bytes, 1e-6, ".0f"),
    ("requests that reached the engine, %", lambda of: of.engine_share, 100, ".0f"),
)


def print_figures(measurements: Mapping[str, Measurement], versions: Mapping[str, str]) -> None:
    """One column per subject."""
    table = Table("", box=box.MARKDOWN)
    for name in measurements:
        table.add_column(f"{name} {versions[name]}".strip(), justify="right")
    for label, read, factor, form in ROWS:
        values = (read(measured) for measured in measurements.values())
        table.add_row(label, *("-" if value is None else format(value * factor, form) for value in values))
    _console().print(table)


def print_verdicts(found: list[Verdict]) -> None:
    table = Table("goal", "ratio or value", "limit", "", box=box.MARKDOWN)
    for verdict in found:
        ratio = "not measured" if verdict.ratio is None else f"{verdict.ratio:.2f} {verdict.unit}"
        table.add_row(verdict.goal, ratio, f"≤ {verdict.limit:g} {verdict.unit}", "pass" if verdict.passes else "MISS")
    _console().print(table)


def print_machine() -> None:
    """In words that name no machine."""
    load = os.getloadavg()[0]
    machine = f"{os.cpu_count()} cores ({platform.machine()}), Python {platform.python_version()}"
    _console().print(f"{machine}, load average {load:.1f} at the end.")


def _console() -> Console:
    return Console(width=180, highlight=False)
