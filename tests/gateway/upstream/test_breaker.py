"""A circuit breaker opens when an endpoint fails, lets one request through after a pause, and closes when that ends
well."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from moorage_serving.gateway.upstream.breaker import (
    CONSECUTIVE_FAILURES,
    FIRST_PAUSE_SECONDS,
    MAX_PAUSE_SECONDS,
    MIN_REQUESTS,
    BreakerState,
    CircuitBreaker,
)


def opened(at: float = 100.0, shortened: float = 0.0) -> CircuitBreaker:
    breaker = CircuitBreaker(random=lambda: shortened)
    for _ in range(CONSECUTIVE_FAILURES):
        breaker.begin()
        breaker.fail(at)
    return breaker


def test_it_opens_after_five_failures_in_a_row() -> None:
    breaker = CircuitBreaker()
    told = [breaker.fail(100.0) for _ in range(CONSECUTIVE_FAILURES)]
    assert told == [False, False, False, False, True]
    assert breaker.state(100.0) is BreakerState.OPEN


def test_a_success_between_failures_keeps_it_closed() -> None:
    breaker = CircuitBreaker()
    for _ in range(3):
        for _ in range(CONSECUTIVE_FAILURES - 1):
            breaker.fail(100.0)
        breaker.succeed(100.0)
    assert breaker.state(100.0) is BreakerState.CLOSED


def test_it_opens_when_half_of_enough_requests_failed() -> None:
    breaker = CircuitBreaker()
    for _ in range(MIN_REQUESTS // 2 - 1):
        breaker.succeed(100.0)
        breaker.fail(100.0)
    breaker.succeed(100.0)
    assert breaker.state(100.0) is BreakerState.CLOSED
    breaker.fail(100.0)
    assert breaker.state(100.0) is BreakerState.OPEN


def test_failures_of_long_ago_do_not_count() -> None:
    breaker = CircuitBreaker()
    for number in range(10 * MIN_REQUESTS):
        now = 100.0 + 40.0 * number
        breaker.succeed(now)
        breaker.fail(now)
    assert breaker.state(100.0) is BreakerState.CLOSED


def test_one_request_is_let_through_after_the_pause() -> None:
    breaker = opened(at=100.0)
    assert breaker.open_until == 100.0 + FIRST_PAUSE_SECONDS
    assert breaker.state(101.5) is BreakerState.HALF_OPEN
    breaker.begin()
    assert breaker.open_until > 1e9, "nobody else until its end is known"


def test_it_closes_when_the_answer_to_that_request_begins() -> None:
    breaker = opened()
    breaker.begin()
    breaker.answer()
    assert breaker.state(200.0) is BreakerState.CLOSED


def test_a_request_that_tells_nothing_leaves_the_place_to_the_next() -> None:
    breaker = opened()
    breaker.begin()
    breaker.abandon(150.0)
    assert breaker.open_until == 150.0
    assert breaker.state(150.0) is BreakerState.HALF_OPEN


def test_pauses_double_up_to_half_a_minute() -> None:
    breaker, now, pauses = opened(), 100.0, [FIRST_PAUSE_SECONDS]
    for _ in range(7):
        now = breaker.open_until
        breaker.begin()
        breaker.fail(now)
        pauses.append(breaker.open_until - now)
    assert pauses == [1, 2, 4, 8, 16, MAX_PAUSE_SECONDS, MAX_PAUSE_SECONDS, MAX_PAUSE_SECONDS]


@settings(deadline=None)
@given(st.floats(0, 1))
def test_pauses_are_shortened_by_up_to_a_half_at_random(shortened: float) -> None:
    breaker = opened(at=100.0, shortened=shortened)
    assert 0.5 * FIRST_PAUSE_SECONDS <= breaker.open_until - 100.0 <= FIRST_PAUSE_SECONDS


def test_an_endpoint_that_works_only_now_and_then_has_longer_and_longer_pauses() -> None:
    breaker = opened(at=100.0)
    breaker.begin()
    breaker.answer()
    for _ in range(CONSECUTIVE_FAILURES):
        breaker.fail(110.0)
    assert breaker.open_until == 110.0 + 2 * FIRST_PAUSE_SECONDS


def test_pauses_are_short_again_after_it_has_worked() -> None:
    breaker = opened(at=100.0)
    breaker.begin()
    breaker.answer()
    breaker.succeed(101.0)
    for _ in range(CONSECUTIVE_FAILURES):
        breaker.fail(110.0)
    assert breaker.open_until == pytest.approx(110.0 + FIRST_PAUSE_SECONDS)


class Requests(RuleBasedStateMachine):
    """Requests begin when the breaker lets them, and end in any order and way."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 100.0
        self.running = 0
        self.breaker = CircuitBreaker()

    @rule(seconds=st.floats(0.01, 40))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @precondition(lambda self: self.now >= self.breaker.open_until)
    @rule()
    def one_begins(self) -> None:
        self.breaker.begin()
        self.running += 1

    @precondition(lambda self: self.running)
    @rule(how=st.sampled_from(["succeed", "fail", "abandon"]))
    def one_ends(self, how: str) -> None:
        self.running -= 1
        match how:
            case "succeed":
                self.breaker.succeed(self.now)
            case "fail":
                self.breaker.fail(self.now)
            case _:
                self.breaker.abandon(self.now)

    @invariant()
    def it_lets_a_request_through_sooner_or_later(self) -> None:
        assert self.running or self.breaker.open_until <= self.now + MAX_PAUSE_SECONDS


TestRequests = Requests.TestCase
TestRequests.settings = settings(deadline=None)
