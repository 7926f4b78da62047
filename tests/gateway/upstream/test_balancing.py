"""The endpoint with the least to do, for its size."""

from __future__ import annotations

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from moorage_serving.gateway.upstream.balancing import least_outstanding

from .places import Place, places

members = st.lists(
    st.builds(
        Place,
        unique_name=st.uuids().map(str),
        load=st.integers(0, 50),
        weight=st.integers(1, 20).map(float),
        is_up=st.booleans(),
        slots=st.integers(0, 60),
    ),
    max_size=8,
)


@settings(deadline=None)
@given(members)
def test_nobody_that_takes_requests_has_less_to_do(members: list[Place]) -> None:
    willing = [member for member in members if member.accepts(0.0)]
    chosen = least_outstanding(members, 0.0)
    if chosen is None:
        assert not willing
    else:
        assert chosen in willing
        assert chosen.load / chosen.weight == min(member.load / member.weight for member in willing)


@settings(deadline=None)
@given(members, st.data())
def test_those_that_were_tried_are_passed_over(members: list[Place], data: st.DataObject) -> None:
    tried = data.draw(st.lists(st.sampled_from(members))) if members else []
    assert least_outstanding(members, 0.0, tried) not in tried


def test_equals_are_chosen_equally_often() -> None:
    members = places(4)
    found = Counter(least_outstanding(members, 0.0) for _ in range(8000))
    assert all(1600 < found[member] < 2400 for member in members)
