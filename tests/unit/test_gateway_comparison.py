"""The comparison's search and verdicts."""

import math

from benchmarks.gateways.comparison import Verdict, verdicts
from benchmarks.gateways.measurement import Measurement
from benchmarks.gateways.rate_search import LOWEST_SHARE, STEP, highest_passing_rate
from hypothesis import assume, given
from hypothesis import strategies as st

rates = st.floats(min_value=1, max_value=1e5)


def measurement(**more: float) -> Measurement:
    values = {"request_cpu_seconds": 1e-4, "chunk_cpu_seconds": 1e-5, "paced_chunk_cpu_seconds": 2e-5}
    return Measurement(**{**values, "resident_bytes": 100_000_000, "engine_share": 1.0, **more})


@given(rates, rates)
def test_the_highest_passing_rate_is_found_to_one_step(capacity: float, truth: float):
    assume(capacity * LOWEST_SHARE <= truth <= capacity)
    found = highest_passing_rate(capacity, lambda rate: rate <= truth)
    assert found <= truth < found * STEP * (1 + 1e-9)


@given(rates)
def test_where_no_rate_passes_it_is_none_at_all(capacity: float):
    assert highest_passing_rate(capacity, lambda _: False) == 0


@given(rates)
def test_a_gateway_that_always_passes_is_not_credited_beyond_its_capacity(capacity: float):
    assert highest_passing_rate(capacity, lambda _: True) <= capacity * STEP**2 * (1 + 1e-9)


@given(st.floats(min_value=1e-6, max_value=1e3), st.floats(min_value=0.1, max_value=10))
def test_a_goal_is_met_exactly_up_to_its_limit(reference: float, ratio: float):
    assume(not math.isclose(ratio, 2.0))
    assert Verdict("", reference * ratio, reference, 2.0, "x").passes == (ratio < 2.0)


def test_what_could_not_be_measured_is_a_miss():
    assert not Verdict("", None, 1.0, 2.0, "x").passes
    assert not Verdict("", 1.0, None, 2.0, "x").passes


def test_every_goal_can_be_missed():
    fine = verdicts(measurement(), measurement(engine_share=0.0), measurement())
    assert all(verdict.passes for verdict in fine)
    costly = measurement(
        request_cpu_seconds=1e-3, chunk_cpu_seconds=1e-3, paced_chunk_cpu_seconds=1e-3, resident_bytes=200_000_000
    )
    assert not any(verdict.passes for verdict in verdicts(costly, costly, measurement()))


def test_a_cache_that_lets_requests_through_has_no_hits_to_be_judged():
    hits = measurement(engine_share=0.5)
    (verdict,) = (verdict for verdict in verdicts(measurement(), hits, measurement()) if "hit" in verdict.goal)
    assert not verdict.passes
