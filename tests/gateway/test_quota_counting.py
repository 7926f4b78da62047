"""Redis and a process alone count alike, and as a list of everything that ever happened would."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    invariant,
    rule,
    run_state_machine_as_test,
)

from moorage_serving.gateway.quota.limits import Limits, Refusal
from moorage_serving.gateway.quota.local import Carried, LocalTenant
from moorage_serving.gateway.quota.shared import RESERVE, SETTLE, SharedTenant, verdict_of

from .redis_process import RedisProcess

if TYPE_CHECKING:
    from collections.abc import Iterator

LIMITS = Limits(requests=6, tokens=100, concurrent=3, month_tokens=1_000)
LEASE_MS = 10**9  # beyond any of these times: leases that end are another test's
START_MS = 1_790_000_000_000
TIME = "redis.call('TIME')"
TENANT = SharedTenant("tenant")


@pytest.fixture(scope="module")
def server(redis_server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisProcess]:
    with RedisProcess(redis_server, tmp_path_factory.mktemp("redis") / "s") as running:
        yield running


def with_own_clock(source: str) -> str:
    """A script that reads the time from a key instead of the server's clock."""
    assert source.count(TIME) == 1
    return source.replace(TIME, "redis.call('HMGET', 'clock', 'seconds', 'microseconds')")


@dataclass(eq=False)
class Happened:
    """One request that was let in: `counted` are (millisecond, tokens), the reserved ones and corrections."""

    at_ms: int
    tokens: int
    counted: list[tuple[int, int]] = field(default_factory=list)
    running: bool = True


class Counting(RuleBasedStateMachine):
    """Time passes, requests come and end in any order; three counters are asked the same."""

    server: RedisProcess
    requests = Bundle("requests")

    def __init__(self) -> None:
        super().__init__()
        self.client = self.server.client
        self.client.flushdb()
        self.reserve_script = self.client.register_script(with_own_clock(RESERVE.source))
        self.settle_script = self.client.register_script(with_own_clock(SETTLE.source))
        self.local = LocalTenant()
        self.all: list[Happened] = []
        self.month_tokens = 0
        self.now_ms = START_MS
        self.pass_time(0)

    @rule(milliseconds=st.integers(0, 3_000) | st.integers(0, 130_000) | st.sampled_from([59_999, 60_000, 60_001]))
    def pass_time(self, milliseconds: int) -> None:
        self.now_ms += milliseconds
        seconds, rest = divmod(self.now_ms, 1000)
        self.client.hset("clock", mapping={"seconds": seconds, "microseconds": rest * 1000})

    @rule(target=requests, tokens=st.integers(0, 60) | st.just(101))
    def arrive(self, tokens: int) -> Happened | None:
        number = str(len(self.all))
        expected = self.expected_refusal(tokens)
        in_redis = verdict_of(self.reserve_script(TENANT.keys, [number, tokens, *LIMITS, LEASE_MS, -1]))
        here, _ = self.local.reserve(self.now_ms / 1000, LIMITS, Carried(), tokens, number)
        assert in_redis.refusal is here.refusal is expected
        assert in_redis.retry_after_seconds == pytest.approx(here.retry_after_seconds, abs=1e-4)
        if expected is None:
            self.month_tokens += tokens
            self.all.append(Happened(self.now_ms, tokens, [(self.now_ms, tokens)]))
        elif expected in (Refusal.REQUESTS, Refusal.TOKENS):
            assert in_redis.retry_after_seconds == self.expected_wait_seconds(expected, tokens)
        assert in_redis[2:4] == here[2:4] == (len(self.in_window()), self.tokens_in_window())
        assert in_redis.month_tokens_used == here.month_tokens_used == self.month_tokens
        if any(in_redis[2:4]):
            assert in_redis.reset_seconds == pytest.approx(here.reset_seconds, abs=1e-4)
        return None if expected is not None else self.all[-1]

    @rule(request=consumes(requests), used=st.integers(0, 120), twice=st.booleans())
    def end(self, request: Happened | None, used: int, twice: bool) -> None:
        if request is None:
            return
        number = str(self.all.index(request))
        assert self.settle_script(TENANT.keys, [number, used]) == 1
        if twice:
            assert self.settle_script(TENANT.keys, [number, used]) == 0
        bucket = request.at_ms // 1000
        self.local.settle(self.now_ms / 1000, bucket, number, request.tokens, used)
        request.running = False
        self.month_tokens += used - request.tokens
        if request in self.in_window():
            request.counted = [(request.at_ms, used)]
        elif used > request.tokens:
            request.counted.append((self.now_ms, used - request.tokens))

    def in_window(self, later_ms: int = 0) -> list[Happened]:
        return [request for request in self.all if self.counts(request.at_ms, later_ms)]

    def tokens_in_window(self, later_ms: int = 0) -> int:
        counted = [count for request in self.all for count in request.counted]
        return sum(tokens for at_ms, tokens in counted if self.counts(at_ms, later_ms))

    def counts(self, at_ms: int, later_ms: int) -> bool:
        return at_ms // 1000 >= (self.now_ms + later_ms) // 1000 - 60

    def expected_wait_seconds(self, refusal: Refusal, tokens: int) -> float:
        """Seconds begin, and buckets leave, at whole thousands of milliseconds."""
        for later_ms in range(1000 - self.now_ms % 1000, 62_000, 1000):
            if refusal is Refusal.REQUESTS and len(self.in_window(later_ms)) + 1 <= 6:
                return later_ms / 1000
            if refusal is Refusal.TOKENS and self.tokens_in_window(later_ms) + tokens <= 100:
                return later_ms / 1000
        return 60.0  # it never fits

    def expected_refusal(self, tokens: int) -> Refusal | None:
        if self.month_tokens + tokens > 1_000:
            return Refusal.MONTH
        if self.tokens_in_window() + tokens > 100:
            return Refusal.TOKENS
        if len(self.in_window()) + 1 > 6:
            return Refusal.REQUESTS
        if sum(request.running for request in self.all) + 1 > 3:
            return Refusal.CONCURRENCY
        return None

    @invariant()
    def no_60_seconds_hold_more_requests_than_the_limit(self) -> None:
        last = [request.at_ms for request in self.all if request.at_ms > self.now_ms - 60_000]
        assert len(last) <= 6

    @invariant()
    def redis_holds_what_counts_and_no_more(self) -> None:
        assert self.client.zcard(TENANT.leases) == sum(request.running for request in self.all)
        assert self.client.hlen(TENANT.reservations) == sum(request.running for request in self.all)
        assert self.client.hlen(TENANT.keys[0]) <= 4 + 2 * 61


def test_redis_and_a_process_alone_count_as_a_list_of_everything_would(server: RedisProcess) -> None:
    machine = type("CountingThere", (Counting,), {"server": server})
    run_state_machine_as_test(machine, settings=settings(max_examples=60, stateful_step_count=40, deadline=None))


@given(st.datetimes(min_value=datetime(2000, 1, 1), max_value=datetime(2200, 1, 1)))  # noqa: DTZ001 - hypothesis asks for them so
@settings(deadline=None)
def test_redis_knows_the_month(server: RedisProcess, moment: datetime) -> None:
    prelude = RESERVE.source[: RESERVE.source.index("-- KEYS")]
    seconds = int(moment.replace(tzinfo=UTC).timestamp())
    month = server.client.eval(f"{prelude} return month_of(tonumber(ARGV[1]))", 0, seconds)
    assert month == moment.year * 100 + moment.month
