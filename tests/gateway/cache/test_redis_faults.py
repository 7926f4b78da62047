"""A Redis that is down, slow or damaged never makes a request fail, nor wait for it."""

from __future__ import annotations

import asyncio
import contextlib
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest
from prometheus_client import CollectorRegistry

from moorage_serving.gateway.cache.key import tenant_prefix
from moorage_serving.gateway.cache.response_cache import CacheResult
from moorage_serving.gateway.redis_link import RedisLink, RedisMetrics
from tests.gateway.redis_process import RedisProcess

from .answers import PATIENCE_SECONDS, Cached, Engine, chat, document_answer
from .pair import until_it_answers

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from moorage_serving.gateway.config.tenants import TenantConfig

pytestmark = pytest.mark.anyio
# A request may wait 5 ms for Redis. What is measured here is the whole of it, on a machine that does other things too:
# the median over many says what the rule is, the bound leaves room for the machine.
MEDIAN_SECONDS = 0.05
REQUESTS = 41


@pytest.fixture
def server(redis_server: str, tmp_path: Path) -> Iterator[RedisProcess]:
    """A Redis of the test's own, to be harmed."""
    with RedisProcess(redis_server, tmp_path / "redis") as running:
        yield running


@pytest.fixture
async def link(server: RedisProcess) -> AsyncIterator[RedisLink]:
    async with linked(server.url) as opened:
        await until_it_answers(opened)
        yield opened


@asynccontextmanager
async def linked(url: str) -> AsyncIterator[RedisLink]:
    opened = RedisLink(url, RedisMetrics(CollectorRegistry()))
    try:
        yield opened
    finally:
        await Cached.close_all()
        await opened.close()


async def answered_without_waiting(cached: Cached) -> None:
    """Many requests, one after the other, each answered by the engine with its own answer."""
    durations: list[float] = []
    for number in range(REQUESTS):
        answer = document_answer(str(number))
        started = time.monotonic()
        _, client = await cached.ask(Engine([answer]), chat(str(number)))
        durations.append(time.monotonic() - started)
        assert client.body == answer
    assert sorted(durations)[REQUESTS // 2] < MEDIAN_SECONDS


async def hits_again(cached: Cached) -> bytes:
    """Asks until the answer is a stored one, and returns it."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            result, client = await cached.ask_and_settle(Engine([document_answer("new")]), chat())
            if result is CacheResult.HIT:
                return client.body
            await asyncio.sleep(0.05)


async def test_a_frozen_redis(server: RedisProcess, link: RedisLink, tenant: TenantConfig) -> None:
    cached = Cached(link, tenant)
    await hits_again(cached)
    server.freeze()
    try:
        await answered_without_waiting(cached)
        assert cached.count.errors("lookup") >= REQUESTS
        await cached.settled()
        assert cached.count.answers("redis") >= REQUESTS
    finally:
        server.thaw()
    await hits_again(cached)


async def test_a_redis_that_dies_and_comes_back_empty(
    server: RedisProcess, link: RedisLink, tenant: TenantConfig
) -> None:
    cached = Cached(link, tenant)
    await hits_again(cached)
    server.kill()
    await answered_without_waiting(cached)
    await cached.settled()
    server.start()
    await hits_again(cached)


async def test_a_redis_that_was_never_there(tmp_path: Path, tenant: TenantConfig) -> None:
    async with linked(f"unix://{tmp_path}/nowhere") as link:
        cached = Cached(link, tenant)
        await answered_without_waiting(cached)
        await cached.settled()


async def test_a_redis_that_takes_long_for_every_answer(
    server: RedisProcess, tmp_path: Path, tenant: TenantConfig
) -> None:
    async with delayed(server.path, tmp_path / "slow", seconds=0.02), linked(f"unix://{tmp_path}/slow") as link:
        await until_it_answers(link)
        cached = Cached(link, tenant)
        await answered_without_waiting(cached)
        # All of them, but where this process was slower still and found the answer there.
        assert cached.count.errors("lookup") > REQUESTS / 2
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not cached.count.answers("stored"):  # nobody waits for it, so it may take that long
                await cached.ask_and_settle(Engine(), chat())


async def test_a_redis_that_is_full(server: RedisProcess, link: RedisLink, tenant: TenantConfig) -> None:
    server.client.config_set("maxmemory", 1)
    cached = Cached(link, tenant)
    await answered_without_waiting(cached)
    await cached.settled()
    assert cached.count.answers("redis") == REQUESTS


@pytest.mark.parametrize("kind", ["garbage", "cut", "flipped", "list"])
async def test_a_damaged_answer_is_a_miss_and_is_replaced(
    server: RedisProcess, link: RedisLink, tenant: TenantConfig, kind: str
) -> None:
    cached = Cached(link, tenant)
    await hits_again(cached)
    (name,) = (each for each in names(server, tenant) if not each.endswith(("expiries", "sizes")))
    await damage(link, name, kind)
    result, client = await cached.ask_and_settle(Engine([document_answer("new")]), chat())
    assert (result, client.body) == (CacheResult.MISS, document_answer("new"))
    assert await hits_again(cached) == document_answer("new")


async def test_a_damaged_answer_is_deleted_even_if_no_other_takes_its_place(
    server: RedisProcess, link: RedisLink, tenant: TenantConfig
) -> None:
    cached = Cached(link, tenant)
    await hits_again(cached)
    (name,) = (each for each in names(server, tenant) if not each.endswith(("expiries", "sizes")))
    await damage(link, name, "cut")
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not cached.count.errors("corrupt"):
            await cached.ask_and_settle(Engine(status=500), chat())
    await link.execute("PING", timeout_seconds=PATIENCE_SECONDS)
    assert name not in names(server, tenant)


async def damage(link: RedisLink, name: str, kind: str) -> None:
    stored = await link.execute("GET", name, timeout_seconds=PATIENCE_SECONDS)
    assert isinstance(stored, bytes)
    if kind == "list":
        await link.execute("DEL", name, timeout_seconds=PATIENCE_SECONDS)
        await link.execute("LPUSH", name, "x", timeout_seconds=PATIENCE_SECONDS)
        return
    damaged = {"garbage": b"garbage", "cut": stored[:-1], "flipped": stored[:-2] + b"~" + stored[-1:]}[kind]
    await link.execute("SET", name, damaged, timeout_seconds=PATIENCE_SECONDS)


def names(server: RedisProcess, tenant: TenantConfig) -> set[str]:
    return {str(name) for name in server.client.keys(f"{tenant_prefix(tenant.id)}*")}  # type: ignore[union-attr]


@asynccontextmanager
async def delayed(target: Path, path: Path, *, seconds: float) -> AsyncIterator[None]:
    """A listener that passes everything on, what comes back `seconds` later."""
    tasks: set[asyncio.Task[None]] = set()

    async def passed_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, wait_seconds: float) -> None:
        try:
            while data := await reader.read(65536):
                await asyncio.sleep(wait_seconds)
                writer.write(data)
                await writer.drain()
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        back_reader, back_writer = await asyncio.open_unix_connection(target)
        for task in (
            asyncio.create_task(passed_on(reader, back_writer, 0)),
            asyncio.create_task(passed_on(back_reader, writer, seconds)),
        ):
            tasks.add(task)

    listener = await asyncio.start_unix_server(connected, path)
    try:
        yield
    finally:
        listener.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
