"""A share of the conversations goes to the new revision, always the same ones, and none when that does worse."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moorage_serving.gateway.config.serving import CanaryConfig
from moorage_serving.gateway.upstream.canary import (
    MAX_CONVERSATIONS,
    MIN_REQUESTS,
    Canary,
    position_percent,
    reason_to_hold,
)
from moorage_serving.gateway.upstream.recent_answers import Standing

conversations = st.binary(min_size=16, max_size=16)
percents = st.floats(0, 100)


def config(percent: float = 10.0, **more: Any) -> CanaryConfig:
    return CanaryConfig(model="m", revision="new", percent=percent, **more)


def digests(count: int) -> list[bytes]:
    return [hashlib.blake2b(b"%d" % number, digest_size=16).digest() for number in range(count)]


@settings(deadline=None)
@given(conversations, percents)
def test_a_conversation_stays_where_it_is(conversation: bytes, percent: float) -> None:
    canary = Canary(config(percent))
    assert canary.takes(conversation) == canary.takes(conversation) == Canary(config(percent)).takes(conversation)


@settings(deadline=None)
@given(conversations, percents, percents)
def test_a_larger_share_keeps_those_of_a_smaller_one(conversation: bytes, one: float, other: float) -> None:
    small, large = sorted((one, other))
    if Canary(config(small)).takes(conversation):
        assert Canary(config(large)).takes(conversation)


@settings(deadline=None)
@given(conversations)
def test_nobody_at_0_and_everybody_at_100_percent(conversation: bytes) -> None:
    assert not Canary(config(0)).takes(conversation)
    assert Canary(config(100)).takes(conversation)


@pytest.mark.parametrize("percent", [1, 5, 10, 50])
def test_the_share_is_what_was_asked_for(percent: int) -> None:
    canary = Canary(config(percent))
    taken = sum(canary.takes(conversation) for conversation in digests(50_000))
    assert taken == pytest.approx(500 * percent, rel=0.15)


def test_the_share_does_not_depend_on_what_chooses_the_endpoint() -> None:
    """The ring looks at the first bytes: the canary's conversations have to be all around it."""
    taken = [key for key in digests(20_000) if position_percent(key) < 10]
    upper_half = sum(key[0] >= 128 for key in taken)
    assert upper_half == pytest.approx(len(taken) / 2, rel=0.1)


def serve(canary: Canary, revision: str, requests: int, failures: int = 0, seconds: float = 0.1) -> None:
    for number in range(requests):
        canary.record(revision, seconds, failed=number < failures)
    canary._judged_at = 0.0
    canary.record(revision, seconds, failed=False)


def test_a_canary_that_fails_gets_no_new_conversation() -> None:
    canary = Canary(config(100))
    began_before, comes_after = digests(2)
    assert canary.takes(began_before)
    serve(canary, "old", 100)
    serve(canary, "new", 100, failures=10)
    assert canary.held == "error_ratio"
    assert not canary.takes(comes_after)
    assert canary.takes(began_before), "a conversation that began there goes on there"


def test_a_canary_that_is_slow_gets_no_new_conversation() -> None:
    canary = Canary(config(100))
    serve(canary, "old", 100, seconds=0.1)
    serve(canary, "new", 100, seconds=0.2)
    assert canary.held == "time_to_first_token"


def test_a_canary_that_does_as_well_is_not_held() -> None:
    canary = Canary(config(100))
    serve(canary, "old", 200, failures=4)
    serve(canary, "new", 200, failures=4, seconds=0.14)
    assert canary.held is None


def test_only_so_many_conversations_are_remembered() -> None:
    canary = Canary(config(100))
    for conversation in digests(MAX_CONVERSATIONS + 500):
        canary.takes(conversation)
    assert len(canary._begun) == MAX_CONVERSATIONS


@settings(deadline=None)
@given(st.integers(0, MIN_REQUESTS - 1), st.floats(0, 100))
def test_a_few_requests_are_no_reason(requests: int, seconds: float) -> None:
    assert reason_to_hold(config(), Standing(requests, requests, seconds), Standing(1000, 0, 0.001)) is None


@settings(deadline=None)
@given(st.integers(0, 100))
def test_failures_that_the_stable_revision_has_too_are_no_reason(failures: int) -> None:
    assert reason_to_hold(config(), Standing(100, failures, 0.1), Standing(100, failures, 0.1)) is None
