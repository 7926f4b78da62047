"""A second engine is asked when the first is late; the first byte wins and the loser stops."""

from __future__ import annotations

import asyncio

import pytest

from moorage_serving.gateway.errors import GatewayError

from .harbour import Harbour, ask, call, eventually, is_at_rest

pytestmark = pytest.mark.anyio
HEDGE_SECONDS = 0.2
NEVER_SECONDS = 600.0  # no timeout may do what cancelling has to do


async def test_the_first_byte_wins_and_the_loser_is_aborted() -> None:
    async with Harbour() as harbour:
        slow, slow_address = await harbour.engine(time_to_first_token_seconds=NEVER_SECONDS)
        _, address = await harbour.engine()
        upstreams = harbour.upstream("slow", slow_address), harbour.upstream("quick", address)
        route = harbour.route(*upstreams, hedge_after_seconds=HEDGE_SECONDS)
        assert (await ask(route, call(first_byte_seconds=NEVER_SECONDS)))[0] == "quick"
        await eventually(lambda: slow.counters.running == 0)
        assert slow.counters.aborted == 1
        assert all(is_at_rest(endpoint) for endpoint in route.endpoints)
        assert harbour.count("hedges_total", upstream="quick") == 1
        assert harbour.count("failovers_total", upstream="quick") == 0


async def test_an_engine_in_time_is_the_only_one_asked() -> None:
    async with Harbour() as harbour:
        engines, upstreams = await harbour.pool(2)
        route = harbour.route(*upstreams, hedge_after_seconds=20.0)
        await ask(route)
        assert sum(engine.counters.requests for engine in engines) == 1


async def test_the_first_engine_can_still_win() -> None:
    async with Harbour() as harbour:
        _, first = await harbour.engine(time_to_first_token_seconds=2.0)
        other, second = await harbour.engine(time_to_first_token_seconds=NEVER_SECONDS)
        upstreams = harbour.upstream("first", first), harbour.upstream("second", second)
        route = harbour.route(*upstreams, hedge_after_seconds=HEDGE_SECONDS)
        assert (await ask(route, call(first_byte_seconds=NEVER_SECONDS)))[0] == "first"
        await eventually(lambda: other.counters.aborted == 1)


async def test_a_hedge_that_fails_leaves_the_first_alone() -> None:
    async with Harbour() as harbour:
        _, first = await harbour.engine(time_to_first_token_seconds=1.0)
        _, second = await harbour.engine(status=500)
        upstreams = harbour.upstream("first", first), harbour.upstream("second", second)
        assert (await ask(harbour.route(*upstreams, hedge_after_seconds=HEDGE_SECONDS)))[0] == "first"


async def test_a_third_engine_answers_when_both_fail() -> None:
    async with Harbour() as harbour:
        _, first = await harbour.engine(fault="reset_before_headers", time_to_first_token_seconds=0.6)
        _, second = await harbour.engine(status=503)
        _, third = await harbour.engine()
        upstreams = [harbour.upstream(f"e{n}", address) for n, address in enumerate((first, second, third))]
        route = harbour.route(*upstreams, hedge_after_seconds=HEDGE_SECONDS)
        assert (await ask(route))[0] == "e2"


async def test_both_silent_is_a_timeout() -> None:
    async with Harbour() as harbour:
        engines, upstreams = await harbour.pool(2)
        route = harbour.route(*upstreams, hedge_after_seconds=HEDGE_SECONDS)
        with pytest.raises(GatewayError) as failed:
            await route.open(call(fault="stall_before_headers", first_byte_seconds=0.6))
        assert failed.value.code == "upstream_timeout"
        await eventually(lambda: sum(engine.counters.running for engine in engines) == 0)


async def test_a_client_that_leaves_stops_both() -> None:
    async with Harbour() as harbour:
        engines, upstreams = await harbour.pool(2)
        route = harbour.route(*upstreams, hedge_after_seconds=HEDGE_SECONDS)
        asked = asyncio.create_task(route.open(call(fault="stall_before_headers")))
        await eventually(lambda: [engine.counters.running for engine in engines] == [1, 1])
        asked.cancel()
        await asyncio.gather(asked, return_exceptions=True)
        await eventually(lambda: all(is_at_rest(endpoint) for endpoint in route.endpoints))
        await eventually(lambda: sum(engine.counters.running for engine in engines) == 0)
