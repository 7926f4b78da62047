"""Conversations stay where they are, as far as load allows."""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st

from moorage_serving.gateway.upstream.affinity import BOUND, AffinityRing

from .places import Place, places

if TYPE_CHECKING:
    import random

counts = st.integers(1, 12)


def keys(count: int, seed: int = 0) -> list[bytes]:
    return [hashlib.blake2b(f"{seed}:{number}".encode(), digest_size=16).digest() for number in range(count)]


@settings(deadline=None)
@given(counts, st.binary(min_size=16, max_size=16))
def test_a_conversation_always_goes_to_the_same_endpoint(count: int, key: bytes) -> None:
    first = AffinityRing(places(count)).choose(key, 0.0)
    again = AffinityRing(list(reversed(places(count)))).choose(key, 0.0)
    assert first is not None
    assert again is not None
    assert first.unique_name == again.unique_name


@settings(deadline=None)
@given(st.integers(2, 12), st.integers(0, 400), st.integers(0, 10), st.randoms(use_true_random=False))
def test_no_endpoint_gets_more_than_the_bound_over_its_share(
    count: int, requests: int, seed: int, randomness: random.Random
) -> None:
    members = places(count)
    ring = AffinityRing(members)
    # Few conversations, so that some are far more than a share.
    for total, key in enumerate(randomness.choices(keys(5, seed), k=requests), start=1):
        chosen = ring.choose(key, 0.0)
        assert chosen is not None
        chosen.load += 1
        assert chosen.load <= math.ceil(BOUND * total / count)


@settings(deadline=None)
@given(
    st.lists(st.integers(1, 64), min_size=2, max_size=8),
    st.lists(st.tuples(st.integers(0, 3), st.booleans()), max_size=200),
)
def test_the_bound_holds_for_endpoints_of_different_size_while_requests_end(
    sizes: list[int], steps: list[tuple[int, bool]]
) -> None:
    members = [Place(f"e{number}", weight=float(size)) for number, size in enumerate(sizes)]
    ring = AffinityRing(members)
    conversations = keys(4)
    for conversation, one_ends in steps:
        if one_ends and (busy := [member for member in members if member.load]):
            busy[0].load -= 1
        chosen = ring.choose(conversations[conversation], 0.0)
        assert chosen is not None
        chosen.load += 1
        load = sum(member.load for member in members)
        assert chosen.load <= math.ceil(BOUND * load * chosen.weight / sum(sizes))


@settings(deadline=None)
@given(st.integers(2, 12), st.data())
def test_only_the_conversations_of_an_endpoint_that_leaves_move(count: int, data: st.DataObject) -> None:
    members = places(count)
    leaving = data.draw(st.sampled_from(members))
    before, after = AffinityRing(members), AffinityRing([member for member in members if member is not leaving])
    for key in keys(200):
        chosen = before.choose(key, 0.0)
        if chosen is not leaving:
            assert after.choose(key, 0.0) is chosen


def test_the_conversations_of_an_endpoint_that_leaves_spread_over_all_others() -> None:
    members = places(8)
    before, after = AffinityRing(members), AffinityRing(members[1:])
    moved = Counter(after.choose(key, 0.0) for key in keys(20_000) if before.choose(key, 0.0) is members[0])
    assert set(moved) == set(members[1:])


def test_conversations_spread_evenly() -> None:
    members = places(8)
    ring = AffinityRing(members)
    found = Counter(ring.choose(key, 0.0) for key in keys(20_000))
    assert max(found.values()) < 1.5 * 20_000 / 8
    assert min(found.values()) > 0.5 * 20_000 / 8


@settings(deadline=None)
@given(st.integers(2, 8), st.binary(min_size=16, max_size=16))
def test_an_endpoint_that_is_down_is_passed_over_and_found_again(count: int, key: bytes) -> None:
    ring = AffinityRing(places(count))
    home = ring.choose(key, 0.0)
    assert home is not None
    home.is_up = False
    other = ring.choose(key, 0.0)
    assert other is not None
    assert other is not home
    home.is_up = True
    assert ring.choose(key, 0.0) is home


@settings(deadline=None)
@given(st.integers(2, 8), st.binary(min_size=16, max_size=16))
def test_those_that_were_tried_are_not_chosen_again(count: int, key: bytes) -> None:
    members = places(count)
    ring = AffinityRing(members)
    tried: list[Place] = []
    while (chosen := ring.choose(key, 0.0, tried)) is not None:
        assert chosen not in tried
        tried.append(chosen)
    assert set(tried) == set(members)


def test_there_is_nobody_when_all_are_down() -> None:
    members = places(3)
    for member in members:
        member.is_up = False
    assert AffinityRing(members).choose(bytes(16), 0.0) is None
    assert AffinityRing(places(0)).choose(bytes(16), 0.0) is None
