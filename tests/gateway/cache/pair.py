"""Two caches on one Redis, as in two processes."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any

from moorage_serving.gateway.redis_calls import RedisUnavailableError

from .answers import PATIENCE_SECONDS, Cached, Client, Engine, chat

if TYPE_CHECKING:
    from collections.abc import Callable

    from moorage_serving.gateway.cache.response_cache import CacheResult
    from moorage_serving.gateway.redis_link import RedisLink
    from tests.gateway.redis_process import RedisProcess

QUESTION = chat("the same", stream=True)
Answer = asyncio.Task[tuple["CacheResult", Client]]


class Pair:
    """Clients ask `leading` first, then `following`."""

    def __init__(self, leading: Cached, following: Cached) -> None:
        self.leading, self.following = leading, following

    def lead(self, engine: Engine, client: Client | None = None, **more: Any) -> Answer:
        return asyncio.create_task(self.leading.ask(engine, QUESTION, client=client, **more))

    async def both(self, engine: Engine, leader: Client | None = None, follower: Client | None = None) -> list[Answer]:
        """Begun, in this order, and the second is known to the first."""
        led = self.lead(engine, leader)
        await eventually(lambda: engine.calls == 1)
        followed = asyncio.create_task(self.following.ask(engine, QUESTION, client=follower))
        await eventually(lambda: self.leading.count("flight_readers") == 2)
        return [led, followed]

    async def settled(self) -> None:
        for cached in (self.leading, self.following, self.leading):
            await cached.settled()
            await cached.link.execute("PING", timeout_seconds=PATIENCE_SECONDS)


async def eventually(look: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not look():  # noqa: ASYNC110 - nothing tells when
            await asyncio.sleep(0.002)


async def until_it_answers(link: RedisLink) -> None:
    """However often a busy machine makes Redis late."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            with contextlib.suppress(RedisUnavailableError):
                await link.execute("PING", timeout_seconds=PATIENCE_SECONDS)
                return
            await asyncio.sleep(0.05)


def leases(server: RedisProcess, pair: Pair) -> list[str]:
    return [str(name) for name in server.client.keys(f"*{pair.leading.tenant.id}*:lease")]  # type: ignore[union-attr]
