"""An endpoint is put aside for doing much worse than those beside it, and not for doing badly together with them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st

from moorage_serving.gateway.upstream.outliers import MIN_REQUESTS, find_outliers
from moorage_serving.gateway.upstream.recent_answers import Standing

if TYPE_CHECKING:
    from collections.abc import Mapping


def doing(failures: int = 0, seconds: float | None = 0.1, requests: int = 100) -> Standing:
    return Standing(requests, failures, seconds)


def test_one_that_fails_far_more_often_is_found() -> None:
    assert find_outliers({"a": doing(1), "b": doing(40), "c": doing(0)}) == ["b"]


def test_one_that_is_far_slower_is_found() -> None:
    assert find_outliers({"a": doing(seconds=0.3), "b": doing(seconds=0.4), "c": doing(seconds=3.0)}) == ["c"]


def test_a_few_milliseconds_are_not_slow() -> None:
    assert find_outliers({"a": doing(seconds=0.001), "b": doing(seconds=0.05)}) == []


def test_the_worst_comes_first() -> None:
    found = find_outliers({"a": doing(), "b": doing(30), "c": doing(), "d": doing(90), "e": doing(seconds=9.0)})
    assert found == ["d", "b", "e"]


def test_few_requests_tell_nothing() -> None:
    few = MIN_REQUESTS - 1
    assert find_outliers({"a": doing(), "b": doing(failures=few, requests=few)}) == []


def test_one_alone_has_nobody_to_be_compared_with() -> None:
    assert find_outliers({"a": doing(100)}) == []


@settings(deadline=None)
@given(st.integers(0, 100), st.floats(0.001, 100), st.integers(1, 8))
def test_nobody_is_found_where_all_do_the_same(failures: int, seconds: float, count: int) -> None:
    assert find_outliers({number: doing(failures, seconds) for number in range(count)}) == []


standings = st.dictionaries(
    st.integers(),
    st.builds(
        lambda requests, ratio, seconds: Standing(requests, int(requests * ratio), seconds),
        st.integers(0, 500),
        st.floats(0, 1),
        st.none() | st.floats(0.001, 100),
    ),
    max_size=8,
)


@settings(deadline=None)
@given(standings)
def test_the_best_is_never_found(standings: Mapping[int, Standing]) -> None:
    found = find_outliers(standings)
    for name in found:
        others = [standing for other, standing in standings.items() if other != name]
        fails_more = any(standings[name].failure_ratio > other.failure_ratio for other in others)
        times = [other.median_first_byte_seconds for other in others]
        own = standings[name].median_first_byte_seconds
        assert fails_more or any(time is not None and own is not None and own > time for time in times)
