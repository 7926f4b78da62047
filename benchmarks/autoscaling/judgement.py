"""What simulated days are worth."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import mean

from benchmarks.autoscaling.day import Day

_HOUR_SECONDS = 3600


@dataclass(frozen=True)
class Verdict:
    """Of the same day with several seeds."""

    direction_changes_per_hour: float
    """On the mean of all days."""
    direction_changes_in_worst_hour: int
    kept_share: float
    """Of all requests, those that were answered within the service level, on the worst day."""
    kept_share_unexcused: float
    """As `kept_share`, without the requests that came where nothing could help them."""
    unanswered: int
    """On all days."""
    most_replicas: int
    engine_hours: float
    """On the mean day; those that start or drain count."""


def judge(days: Sequence[Day], p99_request_seconds: float, is_excused: Callable[[float], bool]) -> Verdict:
    changes = [direction_changes(day.scalings) for day in days]
    return Verdict(
        direction_changes_per_hour=mean(
            len(found) * _HOUR_SECONDS / day.seconds for found, day in zip(changes, days, strict=True)
        ),
        direction_changes_in_worst_hour=max(map(most_in_an_hour, changes)),
        kept_share=min(_kept(day, p99_request_seconds, lambda _: False) for day in days),
        kept_share_unexcused=min(_kept(day, p99_request_seconds, is_excused) for day in days),
        unanswered=sum(len(day.refusals) for day in days),
        most_replicas=max(replicas for day in days for _, replicas in day.scalings),
        engine_hours=mean(day.pod_seconds for day in days) / _HOUR_SECONDS,
    )


def direction_changes(scalings: Sequence[tuple[float, int]]) -> list[float]:
    """When it went up after it had gone down, or the other way round."""
    found: list[float] = []
    last = 0
    for (_, before), (at, after) in pairwise(scalings):
        direction = 1 if after > before else -1
        if last and direction != last:
            found.append(at)
        last = direction
    return found


def most_in_an_hour(times: Sequence[float]) -> int:
    """In whichever hour has most of them."""
    return max((sum(1 for at in times if start <= at < start + _HOUR_SECONDS) for start in times), default=0)


def _kept(day: Day, within_seconds: float, is_excused: Callable[[float], bool]) -> float:
    """1 where nobody asked."""
    taken = [seconds for at, seconds in day.answers if not is_excused(at)]
    total = len(taken) + sum(1 for at in day.refusals if not is_excused(at))
    return sum(1 for seconds in taken if seconds <= within_seconds) / total if total else 1.0
