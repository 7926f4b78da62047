"""A process that asks an engine for others is lost, or Redis between them: nobody waits for it."""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING

import pytest
from prometheus_client import CollectorRegistry

from moorage_serving.gateway import redis_link
from moorage_serving.gateway.cache import response_cache, shared_flights
from moorage_serving.gateway.cache.response_cache import CacheResult
from moorage_serving.gateway.errors import GatewayError
from moorage_serving.gateway.redis_link import RedisLink, RedisMetrics
from tests.gateway.redis_process import RedisProcess

from .answers import PATIENCE_SECONDS, Cached, Client, Engine, chat, streaming
from .pair import QUESTION, Answer, Pair, eventually, leases, until_it_answers

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from moorage_serving.gateway.config.tenants import TenantConfig

pytestmark = pytest.mark.anyio
DEAD = "0123456789abcdef"  # no process listens under this name
SILENCE_BEFORE_BEGINNING_SECONDS = shared_flights.SILENCE_BEFORE_BEGINNING_SECONDS


async def test_the_lease_of_a_process_that_is_gone_stops_nobody(
    pair: Pair, server: RedisProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = streaming("a", gated=True)
    led = pair.lead(engine)
    await eventually(lambda: engine.calls == 1)
    (lease,) = leases(server, pair)
    engine.permit(100)
    await led
    await pair.settled()
    server.client.flushdb()
    server.client.set(lease, f"{DEAD}.0")
    monkeypatch.setattr(shared_flights, "SILENCE_BEFORE_BEGINNING_SECONDS", SILENCE_BEFORE_BEGINNING_SECONDS)
    result, client = await pair.following.ask(engine, QUESTION)
    assert (result, client.cache_status) == (CacheResult.MISS, {"fwd": "miss"})
    assert pair.following.count("lost_flights_total") == 1
    assert pair.following.count.requests("collapsed") == 0


@pytest.mark.parametrize("nonsense", [b"", b"nonsense", b'["piece",0,0,[200,["x"]],true]', b'["gone"]'])
async def test_nonsense_that_somebody_publishes_stops_nothing(
    pair: Pair, server: RedisProcess, nonsense: bytes
) -> None:
    for channel in server.client.pubsub_channels():  # type: ignore[union-attr]
        server.client.publish(channel, nonsense)
    engine = streaming("a", gated=True)
    answers = await pair.both(engine)
    engine.permit(100)
    assert [result for result, _ in await asyncio.gather(*answers)] == [CacheResult.MISS, CacheResult.COLLAPSED]


async def test_a_process_that_ends_leaves_readers_elsewhere_some_time(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared_flights, "FAREWELL_SECONDS", PATIENCE_SECONDS)
    engine = streaming("a", "b", gated=True)
    led, followed = await pair.both(engine)
    led.cancel()
    await asyncio.gather(led, return_exceptions=True)
    closing = asyncio.create_task(pair.leading.cache.close())
    engine.permit(100)
    _, client = await followed
    assert client.body == b"".join(engine.pieces)
    await closing
    Cached.opened.remove(pair.leading)


async def test_a_process_that_ends_before_the_first_byte_is_left_for_an_engine(pair: Pair) -> None:
    engine, other = streaming("a", gated=True), streaming("b")
    led = pair.lead(engine)
    await eventually(lambda: engine.calls == 1)
    followed = asyncio.create_task(pair.following.ask(other, QUESTION))
    await eventually(lambda: pair.leading.count("flight_readers") == 2)
    await pair.leading.cache.close()
    Cached.opened.remove(pair.leading)
    result, client = await followed
    assert (result, client.body) == (CacheResult.MISS, b"".join(other.pieces))
    await asyncio.gather(led, return_exceptions=True)


async def test_the_time_that_is_left_for_redis_is_one_of_few_timeouts(
    server: RedisProcess, tenant: TenantConfig
) -> None:
    async with linked(server) as link:
        cached = await Cached(link, tenant).shared()
        for number in range(100):
            await cached.ask(Engine(), chat(f"question {number}"))
        await Cached.close_all()
        assert all(seconds == round(seconds, 3) for seconds in link._deadlines._lines)


class TestWithoutRedis:
    """On a Redis of its own, which is harmed."""

    @pytest.fixture
    def server(self, redis_server: str, tmp_path: Path) -> Iterator[RedisProcess]:
        with RedisProcess(redis_server, tmp_path / "redis") as running:
            yield running

    @pytest.fixture
    async def pair(self, server: RedisProcess, tenant: TenantConfig) -> AsyncIterator[Pair]:
        async with linked(server) as link, linked(server) as other_link:
            yield Pair(await Cached(link, tenant).shared(), await Cached(other_link, tenant).shared())
            server.thaw()
            await Cached.close_all()

    @pytest.mark.parametrize("harm", ["freeze", "kill"])
    async def test_who_waits_for_the_first_byte_asks_an_engine(
        self, pair: Pair, server: RedisProcess, harm: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        # What it would wait for once it has got bytes.
        monkeypatch.setattr(shared_flights, "SILENCE_SECONDS", 2 * PATIENCE_SECONDS)
        engine, other = streaming("a", gated=True), streaming("b")
        led, followed = await self.begun(pair, engine, other)
        getattr(server, harm)()
        harmed_at = time.monotonic()
        result, client = await followed
        assert (result, client.body) == (CacheResult.MISS, b"".join(other.pieces))
        assert time.monotonic() - harmed_at < PATIENCE_SECONDS
        engine.permit(100)
        assert (await led)[1].body == b"".join(engine.pieces)

    @pytest.mark.long
    @pytest.mark.parametrize("harm", ["freeze", "kill"])
    async def test_who_has_got_bytes_gets_the_error_of_a_broken_stream(
        self, pair: Pair, server: RedisProcess, harm: str
    ) -> None:
        engine, other, client = streaming("a", "b", gated=True), streaming("b"), Client()
        with nothing_late():
            led, followed = await self.begun(pair, engine, other, client)
            engine.permit(2)
            await eventually(lambda: client.body == b"".join(engine.pieces[:2]))
        getattr(server, harm)()
        with pytest.raises(GatewayError) as caught:
            await followed
        assert caught.value.code == "upstream_failed"
        assert other.calls == 0
        engine.permit(100)
        assert (await led)[1].body == b"".join(engine.pieces)

    async def test_it_is_shared_again_when_redis_is_back(self, pair: Pair, server: RedisProcess) -> None:
        server.kill()
        both = (pair.leading, pair.following)
        await eventually(lambda: not any(each.cache._shared.is_open or each.link.available for each in both))
        engine = streaming("a")
        assert (await pair.leading.ask_and_settle(engine, QUESTION))[0] is CacheResult.MISS
        server.start()
        await eventually(lambda: all(each.cache._shared.is_open and each.link.available for each in both))
        gated, other = streaming("b", gated=True), streaming("c")
        with nothing_late():
            led, followed = await self.begun(pair, gated, other)
            gated.permit(100)
            results = [result for result, _ in await asyncio.gather(led, followed)]
        assert results == [CacheResult.MISS, CacheResult.COLLAPSED]

    async def begun(self, pair: Pair, engine: Engine, other: Engine, client: Client | None = None) -> list[Answer]:
        """Led and followed. Where Redis was late for one of them, it is tried again with new ones."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                led = pair.lead(engine)
                await eventually(lambda: engine.running == 1)
                followed = asyncio.create_task(pair.following.ask(other, QUESTION, client=client))
                await eventually(lambda: pair.leading.count("flight_readers") == 2 or other.calls > 0)
                if not other.calls:
                    return [led, followed]
                led.cancel()
                await asyncio.gather(led, followed, return_exceptions=True)
                await pair.settled()
                pair.leading.link.post("FLUSHDB")
                engine.calls = other.calls = 0


@asynccontextmanager
async def linked(server: RedisProcess) -> AsyncIterator[RedisLink]:
    opened = RedisLink(server.url, RedisMetrics(CollectorRegistry()))
    await until_it_answers(opened)
    yield opened
    await opened.close()


@contextmanager
def nothing_late() -> Iterator[None]:
    """Until here nothing is harmed, and what a busy machine does late is no loss."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(response_cache, "LOOKUP_SECONDS", PATIENCE_SECONDS)
        patched.setattr(redis_link, "STALL_SECONDS", PATIENCE_SECONDS)
        patched.setattr(shared_flights, "SILENCE_BEFORE_BEGINNING_SECONDS", PATIENCE_SECONDS)
        yield
