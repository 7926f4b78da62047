"""Requests that are the same share one answer of the engine, and nothing else."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from moorage_serving.gateway.cache.response_cache import CacheResult
from moorage_serving.gateway.errors import GatewayError, overloaded, upstream_failed

from .answers import CHAT, Cached, Client, Engine, chat, document_answer, stream_events, streaming, turns

if TYPE_CHECKING:
    from moorage_serving.gateway.config.tenants import TenantConfig
    from moorage_serving.gateway.redis_link import RedisLink

pytestmark = pytest.mark.anyio
QUESTION = chat("the same", stream=True)


@pytest.fixture
async def cached(link: RedisLink, tenant: TenantConfig) -> Cached:
    return Cached(link, tenant)


class Crowd:
    """Clients that ask the same at once; the first one leads."""

    def __init__(self, cached: Cached, engine: Engine, clients: list[Client]) -> None:
        self.cached, self.engine, self.clients = cached, engine, clients
        self.tasks = [asyncio.create_task(cached.ask(engine, QUESTION, client=client)) for client in clients]

    async def reading(self) -> None:
        async with asyncio.timeout(20):
            while self.cached.count("flight_readers") < len(self.clients):  # noqa: ASYNC110 - nothing tells when
                await asyncio.sleep(0.001)

    async def results(self) -> list[CacheResult]:
        return [result for result, _ in await asyncio.gather(*self.tasks)]

    async def leave(self, index: int) -> None:
        self.tasks[index].cancel()
        await asyncio.gather(self.tasks[index], return_exceptions=True)


async def test_many_at_once_ask_the_engine_once(cached: Cached) -> None:
    engine = streaming("a", "b", gated=True)
    crowd = Crowd(cached, engine, [Client() for _ in range(50)])
    await crowd.reading()
    engine.permit(100)
    results = await crowd.results()
    assert engine.calls == 1
    assert sorted(results) == [CacheResult.COLLAPSED] * 49 + [CacheResult.MISS]
    assert {client.body for client in crowd.clients} == {b"".join(engine.pieces)}
    assert cached.count.requests("collapsed") == 49


async def test_followers_get_each_event_as_it_comes(cached: Cached) -> None:
    engine = streaming("a", "b", gated=True)
    crowd = Crowd(cached, engine, [Client(), Client()])
    await crowd.reading()
    for count in range(1, len(engine.pieces) + 1):
        engine.permit()
        await turns()
        assert [client.pieces for client in crowd.clients] == [engine.pieces[:count]] * 2
    await crowd.results()


async def test_one_that_comes_late_gets_the_beginning_too(cached: Cached) -> None:
    engine = streaming("a", "b", gated=True)
    crowd = Crowd(cached, engine, [Client()])
    await crowd.reading()
    engine.permit(3)
    await turns()
    late = asyncio.create_task(cached.ask(engine, QUESTION))
    await turns()
    engine.permit(100)
    result, client = await late
    await crowd.results()
    assert (result, client.body) == (CacheResult.COLLAPSED, b"".join(engine.pieces))
    assert client.cache_status == {"fwd": "miss", "collapsed": True}
    assert engine.calls == 1


async def test_the_answer_goes_on_when_the_one_that_asked_first_leaves(cached: Cached) -> None:
    engine = streaming("a", "b", gated=True)
    crowd = Crowd(cached, engine, [Client(), Client(), Client()])
    await crowd.reading()
    engine.permit(2)
    await turns()
    await crowd.leave(0)
    engine.permit(100)
    await asyncio.gather(*crowd.tasks[1:])
    assert [client.body for client in crowd.clients[1:]] == [b"".join(engine.pieces)] * 2
    await cached.settled()
    assert (await cached.ask(engine, QUESTION))[0] is CacheResult.HIT
    assert engine.calls == 1


async def test_the_engine_stops_when_the_last_one_leaves(cached: Cached) -> None:
    engine = streaming("a", "b", gated=True)
    crowd = Crowd(cached, engine, [Client(), Client()])
    await crowd.reading()
    await crowd.leave(0)
    await turns()
    assert engine.cancelled == 0
    await crowd.leave(1)
    await cached.settled()
    assert (engine.cancelled, engine.running) == (1, 0)


async def test_nobody_joins_an_answer_that_is_being_stopped(cached: Cached) -> None:
    engine = streaming("a", gated=True)
    crowd = Crowd(cached, engine, [Client()])
    await crowd.reading()
    await crowd.leave(0)
    engine.permit(100)
    result, client = await cached.ask(engine, QUESTION)
    assert (result, client.body, engine.calls) == (CacheResult.MISS, b"".join(engine.pieces), 2)


async def test_a_client_that_leaves_before_the_engine_is_asked_leaves_nothing(cached: Cached) -> None:
    engine = streaming("a")
    for delay_turns in range(8):
        task = asyncio.create_task(cached.ask(engine, QUESTION))
        await turns(delay_turns)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    await cached.settled()
    assert engine.running == 0


@pytest.mark.parametrize("pieces", [[], stream_events("a", "b")[:2]])
async def test_an_error_reaches_everybody_after_what_came_before(cached: Cached, pieces: list[bytes]) -> None:
    error = upstream_failed("broken")
    engine = Engine(pieces, b"text/event-stream", error=error, gated=True)
    crowd = Crowd(cached, engine, [Client(), Client(), Client()])
    await crowd.reading()
    engine.permit(100)
    outcomes = await asyncio.gather(*crowd.tasks, return_exceptions=True)
    assert outcomes == [error] * 3
    assert [client.body for client in crowd.clients] == [b"".join(pieces)] * 3
    assert not any(client.ended for client in crowd.clients)
    await cached.settled()
    assert (await cached.ask(streaming("a"), QUESTION))[0] is CacheResult.MISS


async def test_an_error_before_the_answer_leaves_every_other_answer_possible(cached: Cached) -> None:
    class Refusing(Engine):
        async def __call__(self, _: object) -> None:
            raise overloaded()

    client = Client()
    with pytest.raises(GatewayError) as caught:
        await cached.ask(Refusing(), QUESTION, client=client)
    assert caught.value.code == "overloaded"
    assert client.start is None


async def test_an_engine_that_just_stops_is_an_error(cached: Cached) -> None:
    class Stopping(Engine):
        async def __call__(self, send: object) -> None:
            await send({"type": "http.response.start", "status": 200, "headers": []})  # type: ignore[operator]

    with pytest.raises(GatewayError):
        await cached.ask(Stopping(), QUESTION)


async def test_a_slow_reader_holds_nobody_up(cached: Cached) -> None:
    engine = streaming(*"abcdefgh", gated=True)
    slow, fast = Client(slow=True), Client()
    crowd = Crowd(cached, engine, [slow, fast])
    await crowd.reading()
    engine.permit(100)
    await crowd.tasks[1]
    assert fast.body == b"".join(engine.pieces)
    slow.permit(100)
    await crowd.results()
    assert slow.body == fast.body


async def test_a_large_answer_is_read_only_as_fast_as_its_slowest_reader(link: RedisLink, tenant: TenantConfig) -> None:
    cached = Cached(link, tenant, max_entry_bytes=1000)
    engine = Engine([b"%100d" % number for number in range(100)])
    slow, fast = Client(slow=True), Client()
    crowd = Crowd(cached, engine, [slow, fast])
    await crowd.reading()
    await turns(500)
    assert 900 <= 100 * engine.written - len(slow.body) <= 1200
    slow.permit(3)
    await turns(500)
    unread = 100 * engine.written - len(slow.body)
    assert engine.written < 100
    assert unread <= 1200
    slow.permit(1000)
    await crowd.results()
    assert slow.body == fast.body == b"".join(engine.pieces)
    await cached.settled()
    assert cached.count.answers("too_large") == 1


async def test_a_slow_reader_that_leaves_lets_a_large_answer_go_on(link: RedisLink, tenant: TenantConfig) -> None:
    cached = Cached(link, tenant, max_entry_bytes=1000)
    engine = Engine([b"%100d" % number for number in range(100)])
    slow, fast = Client(slow=True), Client()
    crowd = Crowd(cached, engine, [slow, fast])
    await crowd.reading()
    await turns(500)
    assert engine.written < 100
    await crowd.leave(0)
    await crowd.tasks[1]
    assert fast.body == b"".join(engine.pieces)


async def test_nobody_joins_a_large_answer(link: RedisLink, tenant: TenantConfig) -> None:
    cached = Cached(link, tenant, max_entry_bytes=150)
    engine = Engine([b"%100d" % number for number in range(4)], gated=True)
    crowd = Crowd(cached, engine, [Client()])
    await crowd.reading()
    engine.permit(2)
    await turns()
    other = asyncio.create_task(cached.ask(engine, QUESTION))
    await turns(50)
    engine.permit(100)
    assert (await other)[0] is CacheResult.MISS
    await crowd.results()
    assert engine.calls == 2


async def test_between_its_end_and_its_storing_an_answer_can_still_be_joined(cached: Cached) -> None:
    engine = Engine([document_answer()])
    for _ in range(20):
        result, _ = await cached.ask(engine, chat("again and again"))
    assert engine.calls == 1
    assert result in {CacheResult.HIT, CacheResult.COLLAPSED}


async def test_another_tenant_joins_nothing(cached: Cached, tenant: TenantConfig) -> None:
    engine = streaming("a", gated=True)
    crowd = Crowd(cached, engine, [Client()])
    await crowd.reading()
    other = asyncio.create_task(cached.ask(engine, QUESTION, tenant=tenant.model_copy(update={"id": tenant.id + "2"})))
    await turns(50)
    engine.permit(100)
    assert (await other)[0] is CacheResult.MISS
    await crowd.results()
    assert engine.calls == 2


async def test_closing_ends_every_answer_with_a_word(cached: Cached) -> None:
    engine = streaming("a", gated=True)
    crowd = Crowd(cached, engine, [Client(), Client()])
    await crowd.reading()
    await cached.cache.close()
    outcomes = await asyncio.gather(*crowd.tasks, return_exceptions=True)
    assert [getattr(outcome, "code", None) for outcome in outcomes] == ["shutting_down"] * 2
    assert (engine.running, cached.count("flights")) == (0, 0)


async def test_the_engines_request_id_is_nobodys(cached: Cached) -> None:
    _, client = await cached.ask(streaming("a"), QUESTION, path=CHAT)
    assert client.header(b"x-request-id") is None
    assert client.header(b"x-engine") == b"1"
