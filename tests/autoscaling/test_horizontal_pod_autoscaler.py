from typing import Any

import pytest
from benchmarks.autoscaling.horizontal_pod_autoscaler import SYNC_SECONDS, HorizontalPodAutoscaler
from benchmarks.autoscaling.judgement import direction_changes, most_in_an_hour
from hypothesis import given, settings
from hypothesis import strategies as st

from moorage.kubernetes.autoscaler_objects import behavior

AT_ONCE = {"type": "Percent", "value": 900, "periodSeconds": 15}


def autoscaler(
    *, up: dict[str, Any] | None = None, down: dict[str, Any] | None = None, heeds_tolerance: bool = True
) -> HorizontalPodAutoscaler:
    """From 1 to 50 replicas, for 10 each, at once where nothing else is said."""
    rules = {"stabilizationWindowSeconds": 0, "tolerance": "0.1", "policies": [AT_ONCE]}
    at_once = {**rules, "policies": [{**AT_ONCE, "value": 100}]}
    return HorizontalPodAutoscaler(
        min_replicas=1,
        max_replicas=50,
        targets={"load": 10, "other": 10},
        behavior={"scaleUp": {**rules, **(up or {})}, "scaleDown": {**at_once, **(down or {})}},
        heeds_tolerance=heeds_tolerance,
    )


def series(hpa: HorizontalPodAutoscaler, start: int, *loads: float, every: int = SYNC_SECONDS) -> list[int]:
    """How many replicas there are after each look."""
    found, current = [], start
    for index, load in enumerate(loads):
        current = hpa.sync(index * every, current, {"load": load})
        found.append(current)
    return found


@pytest.mark.parametrize(
    ("current", "load", "wanted"),
    [(2, 40, 4), (2, 41, 5), (4, 20, 2), (10, 105, 10), (10, 95, 10), (10, 111, 12), (10, 89, 9), (4, 0, 1)],
)
def test_as_many_as_the_load_needs_outside_of_the_tolerance(current: int, load: float, wanted: int):
    assert autoscaler().sync(0, current, {"load": load}) == wanted


def test_the_highest_metric_counts():
    assert autoscaler().sync(0, 2, {"load": 40, "other": 70}) == 7


@pytest.mark.parametrize(("load", "wanted"), [(40, 4), (10, 2), (None, 2)])
def test_a_metric_that_is_missing_keeps_it_from_going_down(load: float | None, wanted: int):
    assert autoscaler().sync(0, 2, {"load": load, "other": None}) == wanted


def test_none_is_switched_off():
    assert autoscaler().sync(0, 0, {"load": 100}) == 0


def test_a_wide_tolerance_counts_where_it_is_heeded():
    wide = {"tolerance": "0.5"}
    assert autoscaler(down=wide).sync(0, 10, {"load": 60}) == 10
    assert autoscaler(down=wide, heeds_tolerance=False).sync(0, 10, {"load": 60}) == 6


def test_up_waits_for_the_whole_window():
    assert series(autoscaler(up={"stabilizationWindowSeconds": 30}), 1, 10, 50, 50) == [1, 1, 5]


def test_down_waits_for_the_whole_window():
    assert series(autoscaler(down={"stabilizationWindowSeconds": 30}), 5, 50, 10, 10) == [5, 5, 1]


def test_no_faster_than_the_fastest_policy():
    """The rule of Kubernetes' own default (kubernetes.io/docs/tasks/run-application/horizontal-pod-autoscale)."""
    policies = [
        {"type": "Percent", "value": 100, "periodSeconds": 15},
        {"type": "Pods", "value": 4, "periodSeconds": 15},
    ]
    assert series(autoscaler(up={"policies": policies}), 1, 500, 500, 500, 500, 500) == [5, 10, 20, 40, 50]
    slow = {"policies": policies, "selectPolicy": "Min"}
    assert series(autoscaler(up=slow), 1, 500, 500, 500, 500) == [2, 4, 8, 12]
    assert series(autoscaler(up={"policies": policies, "selectPolicy": "Disabled"}), 1, 500) == [1]


def test_one_less_in_ten_minutes():
    one = {"policies": [{"type": "Pods", "value": 1, "periodSeconds": 600}]}
    assert series(autoscaler(down=one), 5, *[10] * 5, every=300) == [4, 4, 3, 3, 2]


def test_what_was_added_within_the_policys_period_is_taken_back_at_once():
    one = {"policies": [{"type": "Pods", "value": 1, "periodSeconds": 600}]}
    assert series(autoscaler(down=one), 2, 80, 10) == [8, 1]


@settings(max_examples=20, deadline=None)
@given(st.lists(st.floats(0, 600), min_size=20, max_size=40), st.sampled_from([60, 300, 600]), st.booleans())
def test_with_our_behavior_no_load_changes_the_direction_more_than_twice_an_hour(
    loads: list[float], each_seconds: int, heeds_tolerance: bool
):
    hpa = HorizontalPodAutoscaler(
        min_replicas=1, max_replicas=50, targets={"load": 10}, behavior=behavior(), heeds_tolerance=heeds_tolerance
    )
    current, scalings = 1, [(0.0, 1)]
    for now in range(0, len(loads) * each_seconds, SYNC_SECONDS):
        wanted = hpa.sync(now, current, {"load": loads[now // each_seconds]})
        if wanted != current:
            scalings.append((now, wanted))
            current = wanted
    assert most_in_an_hour(direction_changes(scalings)) <= 2
