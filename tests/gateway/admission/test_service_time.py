"""How long a place is taken, from nothing but the times at which places are taken and left."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moorage_serving.gateway.admission.service_time import MIN_DEPARTURES, ServiceTime, predicted_wait_seconds


def measured(services: list[tuple[float, float]]) -> ServiceTime:
    """The measurement after services that each began and ended at the given seconds."""
    service_time = ServiceTime()
    events = sorted([(end, 0) for _, end in services] + [(begin, 1) for begin, _ in services])
    for at_seconds, began in events:
        (service_time.arrived if began else service_time.departed)(at_seconds)
    return service_time


def test_nothing_is_known_before_enough_have_left() -> None:
    one_less = [(float(number), number + 0.5) for number in range(MIN_DEPARTURES - 1)]
    assert measured(one_less).mean_seconds is None
    assert measured([*one_less, (50.0, 50.5)]).mean_seconds == 0.5


@given(st.integers(1, 50), st.floats(0.01, 100), st.integers(2, 10))
def test_services_of_one_length_are_measured_exactly_also_when_all_end_together(
    at_once: int, seconds: float, rounds: int
) -> None:
    services = [(number * seconds, (number + 0.999) * seconds) for number in range(rounds) for _ in range(at_once)]
    if len(services) >= MIN_DEPARTURES:
        assert measured(services).mean_seconds == pytest.approx(0.999 * seconds)


def test_a_stream_that_stays_open_for_long_does_not_make_the_mean_jump() -> None:
    short = [(number / 8, number / 8 + 1.0) for number in range(800)]
    assert measured([*short, (10.0, 95.0)]).mean_seconds == pytest.approx(1.0, rel=0.15)


def test_the_mean_follows_a_change() -> None:
    slow = [(number * 10.0, number * 10.0 + 10) for number in range(100)]
    fast = [(1000.0 + number, 1001.0 + number) for number in range(400)]
    assert measured(slow + fast).mean_seconds == pytest.approx(1.0, rel=0.05)


@pytest.mark.parametrize(
    ("ahead", "in_service", "limit", "mean_seconds", "expected"),
    [
        (0, 4, 4, 2.0, 0.5),  # four places, one is left every half second
        (7, 4, 4, 2.0, 4.0),
        (0, 8, 4, 2.0, 1.5),  # four too many, of eight: they take a second
        (0, 0, 4, 2.0, 0.5),
    ],
)
def test_predicted_waits(ahead: int, in_service: int, limit: int, mean_seconds: float, expected: float) -> None:
    assert predicted_wait_seconds(ahead, in_service, limit, mean_seconds) == pytest.approx(expected)
