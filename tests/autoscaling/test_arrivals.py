import random

import pytest
from benchmarks.autoscaling.arrivals import DAY_SECONDS, Arrivals, bursts, diurnal, office_hours, steady

HOUR = 3600


def times(arrivals: Arrivals, seed: int = 1) -> list[float]:
    return list(arrivals.times(random.Random(seed)))  # noqa: S311


def between(found: list[float], start_hour: float, end_hour: float) -> float:
    """Per second."""
    return sum(start_hour * HOUR <= at < end_hour * HOUR for at in found) / ((end_hour - start_hour) * HOUR)


def test_the_same_seed_is_the_same_day_and_another_one_is_not():
    day = steady(0.1, DAY_SECONDS)
    assert times(day) == times(day) != times(day, seed=2)


def test_as_many_come_as_the_rate_says():
    assert between(times(steady(0.5, DAY_SECONDS)), 0, 24) == pytest.approx(0.5, rel=0.05)


def test_the_night_has_least_and_the_afternoon_most():
    found = times(diurnal(0.1, 2.0))
    assert between(found, 3, 5) == pytest.approx(0.11, rel=0.2)
    assert between(found, 15, 17) == pytest.approx(1.99, rel=0.05)


def test_bursts_come_in_the_middle_of_their_period():
    found = times(bursts(0.2, 2.0, every_seconds=4 * HOUR, burst_seconds=HOUR, seconds=8 * HOUR))
    assert [round(between(found, hour, hour + 1)) for hour in range(8)] == [0, 0, 2, 0, 0, 0, 2, 0]


def test_nobody_comes_outside_of_office_hours():
    found = times(office_hours(0.1, 8, 18))
    assert 8 * HOUR <= min(found) <= max(found) < 18 * HOUR
