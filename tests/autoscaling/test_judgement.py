import pytest
from benchmarks.autoscaling.day import Day
from benchmarks.autoscaling.judgement import direction_changes, judge, most_in_an_hour

HOUR = 3600


@pytest.mark.parametrize(
    ("replicas", "changes"),
    [([1], []), ([1, 2, 5], []), ([1, 2, 1], [2]), ([1, 2, 1, 2], [2, 3]), ([3, 2, 1, 0, 1, 4, 3], [4, 6])],
)
def test_a_change_of_direction_is_up_after_down_or_down_after_up(replicas: list[int], changes: list[int]):
    assert direction_changes(list(enumerate(replicas))) == changes


def test_the_worst_hour_may_begin_at_any_time():
    assert most_in_an_hour([]) == 0
    assert most_in_an_hour([0, HOUR - 1, HOUR, HOUR + 1, 3 * HOUR]) == 3


def test_the_worst_day_counts_and_who_was_refused_was_not_served():
    calm = Day(HOUR, scalings=[(0, 1)], answers=[(0.0, 1.0)] * 10, pod_seconds=HOUR)
    bad = Day(
        2 * HOUR,
        scalings=[(0, 1), (5, 2), (9, 1)],
        answers=[(0.0, 1.0)] * 7 + [(0.0, 99.0)],
        refusals=[0, 600],
        pod_seconds=3 * HOUR,
    )
    verdict = judge([calm, bad], 10, lambda at: at == 600)
    assert (verdict.kept_share, verdict.kept_share_unexcused) == (7 / 10, 7 / 9)
    assert (verdict.unanswered, verdict.most_replicas, verdict.engine_hours) == (2, 2, 2)
    assert (verdict.direction_changes_per_hour, verdict.direction_changes_in_worst_hour) == (0.25, 1)
