"""`python -m benchmarks.autoscaling`: the table of docs/kubernetes-autoscaling.md."""

from collections.abc import Mapping

from benchmarks.autoscaling.judgement import Verdict
from benchmarks.autoscaling.scenarios import SCENARIOS, Scenario

_COLUMNS = ("load", "GPU", "changes an hour", "in the worst hour", "kept", "unanswered", "most engines", "engine hours")


def verdicts(*, heeds_tolerance: bool = True) -> Mapping[Scenario, Verdict]:
    return {scenario: scenario.run(heeds_tolerance=heeds_tolerance) for scenario in SCENARIOS}


def table(found: Mapping[Scenario, Verdict]) -> str:
    """In Markdown."""
    rows = [_COLUMNS, ("---",) * len(_COLUMNS), *(_row(scenario, verdict) for scenario, verdict in found.items())]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _row(scenario: Scenario, verdict: Verdict) -> tuple[str, ...]:
    return (
        scenario.name,
        scenario.gpu,
        f"{verdict.direction_changes_per_hour:.1f}",
        str(verdict.direction_changes_in_worst_hour),
        f"{_percent(verdict.kept_share)}, {_percent(verdict.kept_share_unexcused)}",
        str(verdict.unanswered),
        str(verdict.most_replicas),
        f"{verdict.engine_hours:.0f}",
    )


def _percent(share: float) -> str:
    """Never rounded up to all."""
    return f"{int(share * 1000) / 10:g} %"


if __name__ == "__main__":
    print(table(verdicts()))
