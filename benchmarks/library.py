"""What `import moorage` costs. `python benchmarks/library.py`; the exit code is 1 when the bar is missed."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

from report import Figure, report

RUNS = 9


def seconds(statement: str) -> float:
    """Median of a whole interpreter's run."""
    runs = []
    for _ in range(RUNS):
        started = time.perf_counter()
        subprocess.run([sys.executable, "-c", statement], check=True)
        runs.append(time.perf_counter() - started)
    return statistics.median(runs)


def main() -> int:
    empty, moorage = seconds("pass"), seconds("import moorage")
    spec = seconds("import moorage.spec")
    return report(
        [
            Figure("import moorage", (moorage - empty) * 1000, "ms", bar=100),
            Figure("import moorage.spec", (spec - empty) * 1000, "ms"),
        ]
    )


if __name__ == "__main__":
    sys.exit(main())
