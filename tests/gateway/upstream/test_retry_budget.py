"""Further tries stay a small part of all requests."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from moorage_serving.gateway.upstream.retry_budget import FREE_TRIES, RATIO, RetryBudget


@settings(deadline=None)
@given(st.lists(st.booleans()))
def test_further_tries_are_never_more_than_a_fifth_and_ten(steps: list[bool]) -> None:
    budget = RetryBudget()
    requests = tries = 0
    for is_request in steps:
        if is_request:
            budget.deposit()
            requests += 1
        else:
            tries += budget.withdraw()
        assert tries <= RATIO * requests + FREE_TRIES


def test_tries_come_back_with_requests() -> None:
    budget = RetryBudget()
    while budget.withdraw():
        pass
    for _ in range(6):
        budget.deposit()
    assert budget.withdraw()
    assert not budget.withdraw()
