"""One process's end of Redis' publish and subscribe: takes in what comes on its channel, publishes on others'.

The first connection is there as long as the cache, since whoever may lead has to be reachable. Those for publishing are
opened with the first piece that another process wants.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

import redis.asyncio
import structlog
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from redis.asyncio.connection import AbstractConnection

log = structlog.get_logger("cache")
CONNECT_SECONDS = 2.0
PING_SECONDS = 1.0
# Streams that have begun break with the connection, so a busy machine must not look like a silent Redis.
SILENCE_SECONDS = 5.0
MIN_BACKOFF_SECONDS, MAX_BACKOFF_SECONDS = 0.1, 2.0
PUBLISH_SECONDS = 2.0
PUBLISHING_CONNECTIONS = 4
CHANNEL = "moorage:cache:v1:flights:"

PublishErrors = (RedisError, OSError, TimeoutError)


def channel_of(process: str) -> str:
    """Where a process listens."""
    return CHANNEL + process


class Mailbox:
    """Created inside of the event loop. `receive` gets every message, `broke` is called when some may be missing.

    `is_open`: what is published for this process reaches it. After a break it is opened anew, in the background.
    """

    def __init__(self, url: str, process: str, receive: Callable[[bytes], None], broke: Callable[[], None]) -> None:
        self._channel = channel_of(process)
        self._receive = receive
        self._broke = broke
        self._pool = redis.asyncio.ConnectionPool.from_url(
            url, protocol=2, socket_timeout=None, socket_connect_timeout=CONNECT_SECONDS
        )
        # Nothing is sent twice: a follower could not tell a repeated piece from one that is missing.
        publishing = redis.asyncio.BlockingConnectionPool.from_url(
            url,
            protocol=2,
            max_connections=PUBLISHING_CONNECTIONS,
            timeout=PUBLISH_SECONDS,
            socket_timeout=PUBLISH_SECONDS,
            socket_connect_timeout=PUBLISH_SECONDS,
            retry=Retry(NoBackoff(), 0),
        )
        self._publisher = redis.asyncio.Redis.from_pool(publishing)
        self.is_open = False
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def publish(self, process: str, message: bytes) -> bool:
        """Whether the process was there to get it. Raises one of PublishErrors."""
        return bool(await self._publisher.publish(channel_of(process), message))

    async def close(self) -> None:
        """Hear nothing more, and close all connections."""
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task
        await self._publisher.aclose()

    async def _run(self) -> None:
        backoff_seconds = MIN_BACKOFF_SECONDS
        while True:
            connection = self._pool.make_connection()
            try:
                await self._subscribe(connection)
                backoff_seconds = MIN_BACKOFF_SECONDS
                await self._listen(connection)
            except Exception as error:  # noqa: BLE001 - whatever it was, the next connection is tried
                if self.is_open:
                    log.warning("flights_not_shared", error=type(error).__name__)
            finally:
                self.is_open = False
                self._broke()
                await connection.disconnect(nowait=True)
            await asyncio.sleep(backoff_seconds)
            backoff_seconds = min(2 * backoff_seconds, MAX_BACKOFF_SECONDS)

    async def _subscribe(self, connection: AbstractConnection) -> None:
        async with asyncio.timeout(CONNECT_SECONDS):
            await connection.connect()
            await connection.send_command("SUBSCRIBE", self._channel)
            await connection.read_response()
        self.is_open = True

    async def _listen(self, connection: AbstractConnection) -> None:
        loop = asyncio.get_running_loop()
        async with pinging(connection), asyncio.timeout(SILENCE_SECONDS) as silence:
            while True:
                match await connection.read_response():
                    case [b"message", _, bytes(message)]:
                        self._receive(message)
                silence.reschedule(loop.time() + SILENCE_SECONDS)


@contextlib.asynccontextmanager
async def pinging(connection: AbstractConnection) -> AsyncIterator[None]:
    """So that a connection on which nothing comes can be told from one that is broken."""

    async def ping() -> None:
        while True:
            await asyncio.sleep(PING_SECONDS)
            await connection.send_command("PING")

    task = asyncio.get_running_loop().create_task(ping())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
