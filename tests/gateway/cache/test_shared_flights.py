"""Requests that are the same in two processes share one answer of one engine."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

import pytest

from moorage_serving.gateway.cache.lease import LEASE_SECONDS
from moorage_serving.gateway.cache.response_cache import CacheResult
from moorage_serving.gateway.errors import GatewayError, upstream_failed

from .answers import Cached, Client, Engine, chat, document_answer, stream_events, streaming
from .pair import QUESTION, Pair, eventually, leases

if TYPE_CHECKING:
    from moorage_serving.gateway.config.tenants import TenantConfig
    from moorage_serving.gateway.redis_link import RedisLink
    from tests.gateway.redis_process import RedisProcess

pytestmark = pytest.mark.anyio


async def test_the_second_process_follows_the_first(pair: Pair) -> None:
    engine = streaming("a", "b", gated=True)
    answers = await pair.both(engine)
    engine.permit(100)
    (led, first), (followed, second) = await asyncio.gather(*answers)
    assert (led, followed, engine.calls) == (CacheResult.MISS, CacheResult.COLLAPSED, 1)
    assert first.body == second.body == b"".join(engine.pieces)
    assert second.cache_status == {"fwd": "miss", "collapsed": True}
    assert second.header(b"content-type") == first.header(b"content-type")
    assert second.header(b"x-engine") == b"1"
    assert second.header(b"x-request-id") is None
    assert pair.following.count.requests("collapsed") == pair.following.count("followed_flights_total") == 1


async def test_each_event_reaches_the_follower_as_it_comes(pair: Pair) -> None:
    engine, client = streaming("a", "b", gated=True), Client()
    answers = await pair.both(engine, follower=client)
    for count in range(1, len(engine.pieces) + 1):
        engine.permit()
        await eventually(lambda count=count: client.body == b"".join(engine.pieces[:count]))
    await asyncio.gather(*answers)


async def test_one_that_comes_late_gets_the_beginning_too(pair: Pair) -> None:
    engine, client = streaming("a", "b", gated=True), Client()
    led = pair.lead(engine)
    engine.permit(3)
    await eventually(lambda: engine.written == 3)
    followed = asyncio.create_task(pair.following.ask(engine, QUESTION, client=client))
    await eventually(lambda: client.body == b"".join(engine.pieces[:3]))
    engine.permit(100)
    await asyncio.gather(led, followed)
    assert client.body == b"".join(engine.pieces)
    assert engine.calls == 1


async def test_many_in_both_processes_are_one_call(pair: Pair) -> None:
    engine = streaming("a", gated=True)
    crowd = [asyncio.create_task(cached.ask(engine, QUESTION)) for cached in (pair.leading, pair.following) * 25]
    await eventually(lambda: pair.leading.count("flight_readers") + pair.following.count("flight_readers") == 51)
    engine.permit(100)
    outcomes = await asyncio.gather(*crowd)
    assert engine.calls == 1
    assert sorted(result for result, _ in outcomes) == [CacheResult.COLLAPSED] * 49 + [CacheResult.MISS]
    assert {client.body for _, client in outcomes} == {b"".join(engine.pieces)}


async def test_many_in_one_process_leave_the_lease_to_the_first(pair: Pair) -> None:
    engine = streaming("a", gated=True)
    crowd = [asyncio.create_task(pair.leading.ask(engine, QUESTION)) for _ in range(10)]
    await eventually(lambda: pair.leading.count("flight_readers") == 10)
    await pair.leading.link.execute("PING")
    followed = asyncio.create_task(pair.following.ask(engine, QUESTION))
    await eventually(lambda: pair.leading.count("flight_readers") == 11 or engine.calls > 1)
    engine.permit(100)
    await asyncio.gather(followed, *crowd)
    assert engine.calls == 1


async def test_a_follower_that_is_faster_than_the_reply_to_the_leader_is_awaited(
    pair: Pair, server: RedisProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine, link, replied = streaming("a", gated=True), pair.leading.link, asyncio.Event()
    run_script = link.run_script

    async def run_script_late(*arguments: Any, **more: Any) -> object:
        reply = await run_script(*arguments, **more)
        await replied.wait()
        return reply

    monkeypatch.setattr(link, "run_script", run_script_late)
    led = pair.lead(engine)
    await eventually(lambda: leases(server, pair) != [])
    followed = asyncio.create_task(pair.following.ask(engine, QUESTION))
    await eventually(lambda: pair.following.count("followed_flights_total") == 1)
    await asyncio.sleep(0.1)
    replied.set()
    await eventually(lambda: pair.leading.count("flight_readers") == 2 or engine.calls == 2)
    engine.permit(100)
    assert [result for result, _ in await asyncio.gather(led, followed)] == [CacheResult.MISS, CacheResult.COLLAPSED]
    assert pair.following.count("lost_flights_total") == 0


async def test_the_follower_gets_all_when_the_leaders_client_leaves(pair: Pair) -> None:
    engine = streaming("a", "b", gated=True)
    led, followed = await pair.both(engine)
    engine.permit(2)
    led.cancel()
    await asyncio.gather(led, return_exceptions=True)
    engine.permit(100)
    _, client = await followed
    assert client.body == b"".join(engine.pieces)
    await pair.settled()
    assert (await pair.following.ask(engine, QUESTION))[0] is CacheResult.HIT
    assert (engine.calls, engine.cancelled) == (1, 0)


async def test_the_engine_stops_when_the_last_one_in_any_process_leaves(pair: Pair) -> None:
    engine = streaming("a", gated=True)
    led, followed = await pair.both(engine)
    led.cancel()
    await asyncio.gather(led, return_exceptions=True)
    assert engine.running == 1
    followed.cancel()
    await eventually(lambda: engine.cancelled == 1)
    await pair.settled()


@pytest.mark.parametrize("pieces", [[], stream_events("a", "b")[:2]])
async def test_an_error_is_the_same_in_both_processes(pair: Pair, pieces: list[bytes]) -> None:
    engine = Engine(pieces, b"text/event-stream", error=upstream_failed("broken"), gated=True)
    leader, follower = Client(), Client()
    answers = await pair.both(engine, leader, follower)
    engine.permit(100)
    first, second = await asyncio.gather(*answers, return_exceptions=True)
    assert isinstance(first, GatewayError)
    assert first == second
    assert leader.body == follower.body == b"".join(pieces)


async def test_a_follower_comes_back_for_a_stored_answer(pair: Pair) -> None:
    engine = Engine([document_answer()])
    for cached in (pair.leading, pair.following) * 20:
        result, _ = await cached.ask(engine, chat("again and again"))
        assert result in {CacheResult.MISS, CacheResult.HIT, CacheResult.COLLAPSED}
    assert engine.calls == 1


async def test_a_slow_client_there_holds_nobody_up_here(pair: Pair) -> None:
    engine, slow = streaming(*"abcdefgh", gated=True), Client(slow=True)
    led, followed = await pair.both(engine, follower=slow)
    engine.permit(100)
    _, fast = await led
    assert fast.body == b"".join(engine.pieces)
    slow.permit(100)
    await followed
    assert slow.body == fast.body


async def test_a_large_answer_waits_for_a_slow_client_in_another_process(
    link: RedisLink, other_link: RedisLink, tenant: TenantConfig
) -> None:
    limit = 100_000
    pair = Pair(*[await Cached(each, tenant, max_entry_bytes=limit).shared() for each in (link, other_link)])
    engine, slow = Engine([b"%10000d" % number for number in range(200)], gated=True), Client(slow=True)
    led, followed = await pair.both(engine, follower=slow)
    engine.permit(1000)
    await eventually(lambda: 10_000 * engine.written > limit)
    await asyncio.sleep(1)
    # The limit in each process, and a window on its way between them.
    assert 10_000 * engine.written < 2 * limit + 400_000
    assert not led.done()
    slow.permit(1000)
    (_, fast), _ = await asyncio.gather(led, followed)
    assert slow.body == fast.body == b"".join(engine.pieces)
    await pair.settled()
    assert pair.leading.count.answers("too_large") == 1
    assert pair.following.count.answers("too_large") == 0


async def test_nobody_joins_a_large_answer_from_another_process(
    link: RedisLink, other_link: RedisLink, tenant: TenantConfig
) -> None:
    pair = Pair(*[await Cached(each, tenant, max_entry_bytes=150).shared() for each in (link, other_link)])
    engine = Engine([b"%100d" % number for number in range(4)], gated=True)
    led = pair.lead(engine)
    engine.permit(2)
    await eventually(lambda: engine.written == 2)
    other = asyncio.create_task(pair.following.ask(engine, QUESTION))
    await eventually(lambda: engine.calls == 2)
    engine.permit(100)
    results = [result for result, _ in await asyncio.gather(led, other)]
    assert results == [CacheResult.MISS, CacheResult.MISS]


async def test_tenants_follow_nobody_elses_answer(pair: Pair, tenant: TenantConfig) -> None:
    engine = streaming("a", gated=True)
    led = pair.lead(engine)
    await eventually(lambda: engine.calls == 1)
    other = asyncio.create_task(
        pair.following.ask(engine, QUESTION, tenant=tenant.model_copy(update={"id": tenant.id + "2"}))
    )
    await eventually(lambda: engine.calls == 2)
    engine.permit(100)
    assert [result for result, _ in await asyncio.gather(led, other)] == [CacheResult.MISS] * 2


async def test_a_stale_answer_is_replaced_by_one_call(pair: Pair) -> None:
    await pair.leading.ask_and_settle(streaming("old"), QUESTION)
    engine = streaming("new", gated=True)
    headers = [(b"cache-control", b"max-age=0")]
    await asyncio.sleep(1.1)
    led = pair.lead(engine, headers=headers)
    await eventually(lambda: engine.calls == 1)
    followed = asyncio.create_task(pair.following.ask(engine, QUESTION, headers=headers))
    await eventually(lambda: pair.leading.count("flight_readers") == 2)
    engine.permit(100)
    (_, first), (result, second) = await asyncio.gather(led, followed)
    assert (first.cache_status, result) == ({"fwd": "stale"}, CacheResult.COLLAPSED)
    assert second.body == b"".join(engine.pieces)


async def test_no_cache_asks_although_another_process_does(pair: Pair) -> None:
    engine = streaming("a", gated=True)
    led = pair.lead(engine)
    await eventually(lambda: engine.calls == 1)
    other = asyncio.create_task(pair.following.ask(engine, QUESTION, headers=[(b"cache-control", b"no-cache")]))
    await eventually(lambda: engine.calls == 2)
    engine.permit(100)
    assert (await other)[1].cache_status == {"fwd": "request"}
    await led


@pytest.mark.long
async def test_a_lease_is_renewed_while_the_engine_works_and_ends_with_it(pair: Pair, server: RedisProcess) -> None:
    engine = Engine(status=500, gated=True)
    led = pair.lead(engine)
    await eventually(lambda: engine.calls == 1)
    (lease,) = leases(server, pair)
    until = time.monotonic() + LEASE_SECONDS + 1
    while time.monotonic() < until:
        assert 0 < server.client.pttl(lease) <= LEASE_SECONDS * 1000  # type: ignore[operator]
        await asyncio.sleep(0.2)
    engine.permit(100)
    await led
    await pair.settled()
    assert leases(server, pair) == []


async def test_the_lease_is_gone_when_the_answer_is_there(pair: Pair, server: RedisProcess) -> None:
    await pair.leading.ask_and_settle(streaming("a"), QUESTION)
    assert leases(server, pair) == []


async def test_what_nobody_follows_is_not_published_and_a_hit_is_one_command(pair: Pair, server: RedisProcess) -> None:
    engine = streaming(*"abcdefgh")
    server.client.config_resetstat()
    await pair.leading.ask_and_settle(engine, QUESTION)
    asked = commands(server)
    assert "publish" not in asked
    server.client.config_resetstat()
    assert (await pair.following.ask(engine, QUESTION))[0] is CacheResult.HIT
    assert {name: calls for name, calls in commands(server).items() if name not in {"config|resetstat", "ping"}} == {
        "get": 1
    }


def commands(server: RedisProcess) -> dict[str, int]:
    """How often each was run since the last reset, by clients and scripts."""
    statistics: Any = server.client.info("commandstats")
    return {name.removeprefix("cmdstat_"): each["calls"] for name, each in statistics.items()}
