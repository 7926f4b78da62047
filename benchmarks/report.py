"""What a benchmark prints: figures with their bars, ratios taken in one run, and a verdict."""

from __future__ import annotations

import os
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True)
class Figure:
    """One line of the table. `bar` is the largest value that passes, or the least; None: the value is only told."""

    name: str
    value: float
    unit: str
    bar: float | None = None
    direct: float | None = None
    through: float | None = None
    bar_is_least: bool = False

    @property
    def passes(self) -> bool:
        if self.bar is None:
            return True
        return self.value >= self.bar if self.bar_is_least else self.value <= self.bar


def report(figures: list[Figure]) -> int:
    """Prints the table; 1 when a bar is missed, else 0."""
    table = Table("figure", "direct", "through", "ratio", "value", "bar", "")
    for figure in figures:
        ratio = f"{figure.through / figure.direct:.3f}" if figure.direct and figure.through else ""
        sides = ("" if side is None else f"{side:.2f} {figure.unit}" for side in (figure.direct, figure.through))
        sign = "≥" if figure.bar_is_least else "≤"
        bar = "" if figure.bar is None else f"{sign} {figure.bar:g} {figure.unit}"
        verdict = "" if figure.bar is None else "pass" if figure.passes else "MISS"
        table.add_row(figure.name, *sides, ratio, f"{figure.value:.3f} {figure.unit}", bar, verdict)
    console = Console(width=140)
    console.print(table)
    load = os.getloadavg()[0]
    console.print(f"{os.cpu_count()} cores, load average {load:.1f}: more than the cores delays everything.")
    return 0 if all(figure.passes for figure in figures) else 1
