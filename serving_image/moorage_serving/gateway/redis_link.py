"""One connection to Redis or Valkey, which all requests of a process share and none waits long for.

Commands that are issued in one turn of the event loop, or while earlier ones are on their way, go out together: a
command costs 8 µs of CPU among 32 others and 50 µs alone, where redis-py's client takes 53 and 120 (Redis 7.0 on a
unix socket, redis 8.1, hiredis 3.5, uvloop 0.23).
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

import redis.asyncio
import structlog
from prometheus_client import Counter, Gauge
from redis.exceptions import NoScriptError, ReadOnlyError, ResponseError

from moorage_serving.gateway.redis_calls import Argument, Call, CallQueue, RedisUnavailableError, Reply, Script, pack
from moorage_serving.gateway.redis_deadlines import Deadlines, Silence

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from prometheus_client import CollectorRegistry
    from redis.asyncio.connection import AbstractConnection

log = structlog.get_logger("redis")
PREFIX = "moorage_gateway_redis"
CONNECT_SECONDS = 2.0
STALL_SECONDS = 0.25
HEARTBEAT_SECONDS = 1.0
MIN_BACKOFF_SECONDS, MAX_BACKOFF_SECONDS = 0.1, 2.0
CLOSE_SECONDS = 2.0


class RedisMetrics:
    """What the link tells Prometheus."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.available = Gauge(
            f"{PREFIX}_available", "1 while Redis answers, 0 while nothing is sent to it.", registry=registry
        )
        self.failures = Counter(
            f"{PREFIX}_failures",
            "connection: refused, broken or silent; timeout: one command's time was up; reply: an error reply.",
            ["reason"],
            registry=registry,
        )
        self.dropped_posts = Counter(
            f"{PREFIX}_dropped_posts",
            "Commands without a reader that were lost: on their way when the connection broke, or too many waited.",
            registry=registry,
        )


class RedisLink:
    """Created inside of the event loop. `url` is redis://, rediss:// or unix://, as redis-py reads it.

    When the connection breaks, or Redis is silent for 250 ms, calls fail at once from then on, until a connection that
    is tried again in the background (after 0.1 s, then at growing intervals up to 2 s) is answered. A call's own
    timeout ends that call alone. Commands are sent at most once.
    """

    def __init__(self, url: str, metrics: RedisMetrics) -> None:
        self.url = url
        self._pool = redis.asyncio.ConnectionPool.from_url(
            url, protocol=2, socket_timeout=None, socket_connect_timeout=CONNECT_SECONDS
        )
        self._metrics = metrics
        self._loop = asyncio.get_running_loop()
        self._calls = CallQueue()
        self._deadlines = Deadlines(self._loop, self._expire)
        self._logged_errors: set[str] = set()  # each kind once a connection
        self._wake = asyncio.Event()
        self._idle = asyncio.Event()
        self._open = True  # so that the first calls wait for the first connection
        self._task = self._loop.create_task(self._run())

    @property
    def available(self) -> bool:
        """Whether a call is tried at all."""
        return self._open

    async def execute(self, *command: Argument, timeout_seconds: float = 0.005) -> Reply:
        """The reply. Raises RedisUnavailableError when there is none in time, or an error reply."""
        return await self._call(pack(*command), None, timeout_seconds)

    async def run_script(
        self, script: Script, keys: Sequence[Argument], args: Sequence[Argument], timeout_seconds: float
    ) -> Reply:
        """What the script returns; Redis is given the source when it does not know it. Raises as `execute`."""
        rest = (len(keys), *keys, *args)
        return await self._call(pack("EVALSHA", script.sha1, *rest), (script, rest), timeout_seconds)

    def post(self, *command: Argument) -> None:
        """Have a command run whose reply nobody reads; one that cannot be sent now waits for the next connection."""
        self._enqueue_post(Call(pack(*command), None, None))

    def post_script(self, script: Script, keys: Sequence[Argument], args: Sequence[Argument]) -> None:
        """Have a script run whose result nobody reads."""
        rest = (len(keys), *keys, *args)
        self._enqueue_post(Call(pack("EVALSHA", script.sha1, *rest), None, (script, rest)))

    async def close(self) -> None:
        """Send what is waiting, if Redis answers, and close the connection."""
        if self._open and (self._calls or self._calls.in_flight):
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(CLOSE_SECONDS):
                    await self._idle.wait()
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task
        self._open = False
        self._deadlines.close()
        self._metrics.available.set(0)
        self._metrics.dropped_posts.inc(self._calls.fail("closed") + self._calls.posts)

    async def _call(
        self, packed: bytes, script: tuple[Script, tuple[Argument, ...]] | None, timeout_seconds: float
    ) -> Reply:
        if not self._open:
            raise RedisUnavailableError("Redis does not answer", may_have_run=False)
        future: asyncio.Future[Reply] = self._loop.create_future()
        call = Call(packed, future, script)
        self._enqueue(call)
        self._deadlines.watch(call, timeout_seconds)
        return await future

    def _expire(self, call: Call) -> None:
        self._metrics.failures.labels("timeout").inc()
        call.fail("no reply in time")

    def _enqueue_post(self, call: Call) -> None:
        if self._calls.append_post(call):
            self._announce()
        else:
            self._metrics.dropped_posts.inc()

    def _enqueue(self, call: Call) -> None:
        self._calls.append(call)
        self._announce()

    def _announce(self) -> None:
        self._idle.clear()
        self._wake.set()

    async def _run(self) -> None:
        backoff_seconds = MIN_BACKOFF_SECONDS
        while True:
            connection = self._pool.make_connection()
            try:
                await self._connect(connection)
                backoff_seconds = MIN_BACKOFF_SECONDS
                await self._serve(connection)
            except Exception as error:  # noqa: BLE001 - whatever it was, the next connection is tried
                self._failed(error)
            finally:
                await connection.disconnect(nowait=True)
            await asyncio.sleep(backoff_seconds)
            backoff_seconds = min(2 * backoff_seconds, MAX_BACKOFF_SECONDS)

    async def _connect(self, connection: AbstractConnection) -> None:
        async with asyncio.timeout(CONNECT_SECONDS):
            await connection.connect()
            # A server that still loads its data accepts connections, and refuses this.
            await connection.send_command("PING")
            await connection.read_response()
        self._open = True
        self._metrics.available.set(1)
        log.info("redis_available")

    async def _serve(self, connection: AbstractConnection) -> None:
        self._calls.forget_scripts()
        with self._heartbeat():
            while True:
                while self._calls:
                    await self._exchange(connection)
                self._idle.set()
                self._wake.clear()
                await self._wake.wait()

    @contextlib.contextmanager
    def _heartbeat(self) -> Iterator[None]:
        """So that a connection which breaks while nobody needs it is known to be broken when somebody does."""

        def beat() -> None:
            nonlocal timer
            timer = self._loop.call_later(HEARTBEAT_SECONDS, beat)
            self.post("PING")

        timer = self._loop.call_later(HEARTBEAT_SECONDS, beat)
        try:
            yield
        finally:
            timer.cancel()

    async def _exchange(self, connection: AbstractConnection) -> None:
        """Send what is waiting and read the replies."""
        packed, in_flight = self._calls.take_batch(), self._calls.in_flight
        if not packed:
            return
        async with Silence(self._loop, STALL_SECONDS) as silence:
            await connection.send_packed_command([b"".join(packed)], check_health=False)
            while in_flight:
                try:
                    reply = await connection.read_response()
                except ReadOnlyError:  # what was the primary is a replica now: connect to the new one
                    raise
                except ResponseError as error:
                    self._refused(in_flight.popleft(), error)
                else:
                    in_flight.popleft().succeed(reply)
                silence.heard()

    def _refused(self, call: Call, error: ResponseError) -> None:
        if isinstance(error, NoScriptError) and call.script is not None:
            script, rest = call.script
            again = Call(pack("EVAL", script.source, *rest), call.future, None)
            if call.future is None:
                self._enqueue_post(again)
            else:
                self._enqueue(again)
            return
        kind = type(error).__name__  # not the whole text: Redis repeats arguments in it
        self._metrics.failures.labels("reply").inc()
        if kind not in self._logged_errors:
            self._logged_errors.add(kind)
            log.warning("redis_error_reply", error=kind)
        call.fail(f"an error reply: {kind}")

    def _failed(self, error: Exception) -> None:
        self._metrics.failures.labels("connection").inc()
        self._metrics.available.set(0)
        if self._open:
            log.warning("redis_unavailable", error=type(error).__name__)
        self._open = False
        self._logged_errors.clear()
        self._metrics.dropped_posts.inc(self._calls.fail("the connection broke"))
