"""Time budgets: starting, probing and stopping an engine."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moorage.engine import drain_budget, startup_budget, startup_probe, within_notice

GIGABYTE = 10**9
seconds = st.floats(0, 10_000)


@pytest.mark.parametrize(
    ("p99", "propagation", "expected"), [(45, 15, (15, 45, 75)), (90, 15, (15, 90, 120)), (45, 0, (0, 45, 60))]
)
def test_the_drain_budget_reproduces_the_published_examples(
    p99: float, propagation: float, expected: tuple[int, int, int]
):
    budget = drain_budget(p99, propagation)
    assert (budget.pre_stop_seconds, budget.shutdown_timeout_seconds, budget.grace_seconds) == expected


@given(p99=seconds, propagation=seconds)
def test_no_step_of_a_drain_is_cut_short(p99: float, propagation: float):
    budget = drain_budget(p99, propagation)
    assert budget.pre_stop_seconds >= propagation
    assert budget.shutdown_timeout_seconds >= p99
    assert budget.grace_seconds > budget.pre_stop_seconds + budget.shutdown_timeout_seconds


@given(
    weight_bytes=st.integers(0, 10**13), compile_seconds=st.floats(0, 5_000), megabytes_per_second=st.floats(1, 10_000)
)
def test_a_startup_gets_between_10_and_60_minutes(
    weight_bytes: int, compile_seconds: float, megabytes_per_second: float
):
    budget = startup_budget(
        weight_bytes, compile_seconds=compile_seconds, read_megabytes_per_second=megabytes_per_second
    )
    assert 600 <= budget <= 3600


def test_a_startup_gets_half_more_than_reading_and_compiling_take():
    assert startup_budget(100 * GIGABYTE, compile_seconds=200, read_megabytes_per_second=100) == 1800


def test_a_disk_twice_as_slow_gets_more_time():
    fast = startup_budget(140 * GIGABYTE, compile_seconds=60, read_megabytes_per_second=250)
    assert startup_budget(140 * GIGABYTE, compile_seconds=60) > fast


@given(budget=st.integers(600, 3600))
def test_the_startup_probe_lasts_the_whole_budget(budget: int):
    probe = startup_probe(budget)
    assert budget <= probe.period_seconds * probe.failure_threshold < budget + probe.period_seconds


@given(p99=seconds, propagation=seconds, notice=st.integers(10, 600))
def test_a_drain_within_a_notice_ends_with_it_and_takes_no_step_longer_than_before(
    p99: float, propagation: float, notice: int
):
    wanted = drain_budget(p99, propagation)
    cut = within_notice(wanted, notice)
    assert cut.grace_seconds <= notice or cut == wanted
    assert 0 <= cut.pre_stop_seconds <= wanted.pre_stop_seconds
    assert cut.shutdown_timeout_seconds > 0
    assert cut.pre_stop_seconds + cut.shutdown_timeout_seconds < cut.grace_seconds


def test_a_notice_that_is_long_enough_changes_nothing():
    wanted = drain_budget(45, 15)
    assert within_notice(wanted, 75) == wanted
