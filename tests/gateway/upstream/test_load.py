"""Requests go where there is room, and conversations where they have been."""

from __future__ import annotations

import asyncio
import time
from collections import Counter

import pytest

from moorage_serving.gateway.errors import GatewayError

from .harbour import Harbour, ask, call, eventually

pytestmark = pytest.mark.anyio


async def test_a_pool_shares_the_load() -> None:
    async with Harbour() as harbour:
        engines, upstreams = await harbour.pool(4)
        route = harbour.route(*upstreams)
        opened = await asyncio.gather(*(route.open(call(tokens=2, inter_token_seconds=5)) for _ in range(40)))
        assert [engine.counters.running for engine in engines] == [10, 10, 10, 10]
        for answer in opened:
            answer.close()


async def test_a_larger_engine_gets_more() -> None:
    async with Harbour() as harbour:
        small, large = await harbour.engine(), await harbour.engine()
        route = harbour.route(
            harbour.upstream("small", small[1], pool="p", max_concurrent_requests=4),
            harbour.upstream("large", large[1], pool="p", max_concurrent_requests=12),
        )
        opened = await asyncio.gather(*(route.open(call(tokens=2, inter_token_seconds=5)) for _ in range(8)))
        assert (small[0].counters.running, large[0].counters.running) == (2, 6)
        for answer in opened:
            answer.close()


async def test_the_second_pool_is_used_only_when_the_first_is_full() -> None:
    async with Harbour() as harbour:
        first, second = await harbour.engine(), await harbour.engine()
        route = harbour.route(
            harbour.upstream("first", first[1], max_concurrent_requests=2),
            harbour.upstream("second", second[1], max_concurrent_requests=1),
        )
        opened = [await route.open(call(tokens=2, inter_token_seconds=5)) for _ in range(3)]
        assert [answer.endpoint.name for answer in opened] == ["first", "first", "second"]
        with pytest.raises(GatewayError) as full:
            await route.open(call())
        assert full.value.code == "overloaded"
        opened[0].close()
        assert (await ask(route))[0] == "first"
        for answer in opened[1:]:
            answer.close()


async def test_a_conversation_stays_with_its_engine() -> None:
    async with Harbour() as harbour:
        _, upstreams = await harbour.pool(4)
        route = harbour.route(*upstreams)
        homes = {talk: (await ask(route, call(talk=talk)))[0] for talk in range(20)}
        assert len(set(homes.values())) > 1
        for talk, home in homes.items():
            assert (await ask(route, call(talk=talk)))[0] == home


async def test_a_conversation_that_everybody_has_does_not_overload_its_engine() -> None:
    async with Harbour() as harbour:
        engines, upstreams = await harbour.pool(4)
        route = harbour.route(*upstreams)
        opened = await asyncio.gather(*(route.open(call(talk=1, tokens=2, inter_token_seconds=5)) for _ in range(40)))
        assert max(engine.counters.running for engine in engines) <= 13  # 1.25 times 10, rounded up
        assert Counter(answer.endpoint.name for answer in opened).total() == 40
        for answer in opened:
            answer.close()


async def test_what_others_have_running_counts() -> None:
    async with Harbour() as harbour:
        engines, upstreams = await harbour.pool(2, max_concurrent_requests=10)
        engines[0].others_running = 8
        route = harbour.route(*upstreams)
        await eventually(lambda: route.endpoints[0].load == 8)
        assert route.capacity() == 2 + 10
        for _ in range(4):
            assert (await ask(route))[0] == "e1"
        engines[0].others_running = 0
        await eventually(lambda: route.capacity() == 20)


async def test_own_requests_are_not_taken_for_others() -> None:
    async with Harbour() as harbour:
        engines, upstreams = await harbour.pool(1, max_concurrent_requests=10)
        route = harbour.route(*upstreams)
        opened = await asyncio.gather(*(route.open(call(tokens=2, inter_token_seconds=60)) for _ in range(6)))
        engines[0].others_running = 1
        await eventually(lambda: route.endpoints[0].load == 7)
        assert route.capacity() == 9
        for answer in opened:
            answer.close()


async def test_others_cannot_take_everything() -> None:
    async with Harbour() as harbour:
        engines, upstreams = await harbour.pool(1, max_concurrent_requests=4)
        engines[0].others_running = 50
        route = harbour.route(*upstreams)
        await eventually(lambda: route.endpoints[0].load == 50)
        assert route.capacity() == 1
        assert (await ask(route))[0] == "e0"


@pytest.mark.parametrize(("limit", "processes", "share"), [(10, 1, 10), (10, 4, 2), (3, 4, 1)])
async def test_a_limit_is_divided_among_processes_that_cannot_know_of_each_other(
    limit: int, processes: int, share: int
) -> None:
    async with Harbour() as harbour:
        engine, address = await harbour.engine()
        engine.has_metrics = False
        route = harbour.route(
            harbour.upstream("e", address, max_concurrent_requests=limit, gateway_processes=processes)
        )
        assert route.capacity() == share, "not yet known"
        await eventually(lambda: route.endpoints[0].is_up)
        assert route.capacity() == share, "not to be known"


async def test_a_process_that_sees_the_engines_load_may_use_the_places_of_idle_ones() -> None:
    async with Harbour() as harbour:
        engine, address = await harbour.engine()
        route = harbour.route(harbour.upstream("e", address, max_concurrent_requests=12, gateway_processes=4))
        engine.others_running = 5
        await eventually(lambda: route.capacity() == 7)
        engine.others_running = 11
        await eventually(lambda: route.endpoints[0].load == 11)
        assert route.capacity() == 3


async def test_capacity_is_none_without_limits_and_0_when_what_can_be_started_is_down() -> None:
    async with Harbour() as harbour:
        _, upstreams = await harbour.pool(2)
        assert harbour.route(*upstreams).capacity() is None
        asleep = harbour.upstream("asleep", "http://127.0.0.1:9", activation={"address": "http://127.0.0.1:9"})
        route = harbour.route(asleep)
        await eventually(lambda: route.capacity() == 0)
        gone = harbour.route(harbour.upstream("gone", "http://127.0.0.1:9", max_concurrent_requests=3))
        await eventually(lambda: not gone.endpoints[0].is_up)
        assert gone.capacity() is None, "requests are let through, to be told that there is nobody"


async def test_an_outlier_is_put_aside_and_the_pool_goes_on() -> None:
    async with Harbour() as harbour:
        _, upstreams = await harbour.pool(3)
        route = harbour.route(*upstreams)
        bad = route.endpoints[1]
        now = time.monotonic()
        for endpoint in route.endpoints:
            for number in range(40):
                endpoint.recent.add(now, 0.05, failed=endpoint is bad and number % 3 == 0)
        route.judge(now)
        assert bad.ejections == 1
        assert not bad.is_usable(time.monotonic())
        assert {(await ask(route))[0] for _ in range(30)} == {"e0", "e2"}


async def test_never_more_than_half_are_put_aside() -> None:
    async with Harbour() as harbour:
        _, upstreams = await harbour.pool(5)
        route = harbour.route(*upstreams)
        for _ in range(5):
            now = time.monotonic()
            for number, endpoint in enumerate(route.endpoints):
                for _ in range(40):
                    endpoint.recent.add(now, 0.05 * 10**number, failed=False)
            route.judge(now)
        assert sum(now < endpoint.ejected_until for endpoint in route.endpoints) == 2
