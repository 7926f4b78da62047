"""The soak's verdicts."""

import random

import pytest
from benchmarks.soak.judgement import HEALTHY_KINDS, NEVER, judge_answers, judge_memory, judge_rest
from benchmarks.soak.slope import robust_slope
from hypothesis import given
from hypothesis import strategies as st

FINE = {kind: {"whole": 99, "error event": 1} for kind in HEALTHY_KINDS}
NOTHING = {"clients": 0, "engines": 0, "Redis": 1}
MEBIBYTE = 1 << 20


def memory(growth_per_second: float, seconds: int = 300) -> list[tuple[float, float]]:
    """Growth under an allocator's noise, after a steep start."""
    noise = random.Random(1)  # noqa: S311
    start = [(float(second), 50.0 * MEBIBYTE + second * MEBIBYTE / 4) for second in range(seconds // 4)]
    rest = range(seconds // 4, seconds)
    return start + [(float(at), 70.0 * MEBIBYTE + growth_per_second * at + noise.random() * MEBIBYTE) for at in rest]


@given(
    st.floats(-1e3, 1e3),
    st.lists(st.floats(-1e9, 1e9), min_size=40, max_size=40),
    st.sets(st.integers(0, 39), max_size=10),
)
def test_a_quarter_of_the_points_may_be_anything(slope: float, wild: list[float], where: set[int]):
    points = [(float(x), wild[x] if x in where else slope * x) for x in range(40)]
    assert robust_slope(points) == pytest.approx(slope, rel=1e-6, abs=1e-6)


def test_a_spike_does_not_move_the_slope():
    points = [(float(x), 1e9 if x % 5 == 0 else 3.0 * x) for x in range(50)]
    assert robust_slope(points) == pytest.approx(3.0)


def test_one_moment_has_no_slope():
    with pytest.raises(ValueError, match="two points"):
        robust_slope([(1.0, 2.0), (1.0, 3.0)])


def test_noise_after_a_warm_up_is_no_leak():
    assert judge_memory(memory(0), requests=30_000).holds


def test_two_hundred_bytes_per_request_are_a_leak():
    assert not judge_memory(memory(200 * 100), requests=30_000).holds


def test_good_answers_pass():
    assert all(finding.holds for finding in judge_answers({**FINE, "engine says 500": {"500": 5}}))


@pytest.mark.parametrize("outcome", NEVER)
def test_one_answer_that_may_never_be_is_enough(outcome: str):
    tallies = {**FINE, "stream": {**FINE["stream"], outcome: 1}}
    assert [finding.what for finding in judge_answers(tallies) if not finding.holds] == [f"no {outcome}"]


@pytest.mark.parametrize("kind", HEALTHY_KINDS)
def test_a_kind_that_mostly_fails_or_was_never_asked_is_found(kind: str):
    for outcomes in ({"whole": 1, "503": 1}, {}):
        failed = [finding for finding in judge_answers({**FINE, kind: outcomes}) if not finding.holds]
        assert len(failed) == 1


def test_rest_is_rest():
    assert all(finding.holds for finding in judge_rest(NOTHING, {"requests_in_flight": 0.0}, NOTHING))


@pytest.mark.parametrize(
    ("connections", "gauges"),
    [
        ({"clients": 1}, {"requests_in_flight": 0.0}),
        ({"engines": 1}, {"requests_in_flight": 0.0}),
        ({"Redis": 3}, {"requests_in_flight": 0.0}),
        ({}, {"requests_in_flight": 1.0}),
        ({}, {}),
    ],
)
def test_anything_left_over_is_found(connections: dict[str, int], gauges: dict[str, float]):
    findings = judge_rest({**NOTHING, **connections}, gauges, NOTHING)
    assert [finding.holds for finding in findings].count(False) == 1
