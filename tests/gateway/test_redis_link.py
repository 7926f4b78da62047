"""All requests share one connection to a real Redis, and none waits for it longer than it said."""

from __future__ import annotations

import asyncio
import random
import subprocess
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest
from prometheus_client import CollectorRegistry

from moorage_serving.gateway import redis_link
from moorage_serving.gateway.redis_calls import MAX_QUEUED_POSTS, RedisUnavailableError, Script
from moorage_serving.gateway.redis_link import RedisLink, RedisMetrics

from .redis_process import RedisProcess, free_port

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

pytestmark = pytest.mark.anyio
PATIENCE_SECONDS = 20.0
STALL_SECONDS = redis_link.STALL_SECONDS
ADD = Script("return redis.call('INCRBY', KEYS[1], ARGV[1])")


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy machine does not make the link give Redis up."""
    monkeypatch.setattr(redis_link, "STALL_SECONDS", PATIENCE_SECONDS)


@pytest.fixture
def hurry(link: RedisLink, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once it is there, a Redis that falls silent is given up as soon as usual."""
    del link
    monkeypatch.setattr(redis_link, "STALL_SECONDS", STALL_SECONDS)


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.fixture
async def link(server: RedisProcess, registry: CollectorRegistry) -> AsyncIterator[RedisLink]:
    async with linked(server.url, registry) as opened:
        await execute(opened, "PING")  # so that what a test sends first is not kept until there is a connection
        yield opened


@asynccontextmanager
async def linked(url: str, registry: CollectorRegistry) -> AsyncIterator[RedisLink]:
    opened = RedisLink(url, RedisMetrics(registry))
    try:
        yield opened
    finally:
        await opened.close()


async def patiently(look: Callable[[], object]) -> None:
    async with asyncio.timeout(2 * PATIENCE_SECONDS):
        while not look():  # noqa: ASYNC110 - nothing tells when
            await asyncio.sleep(0.01)


async def execute(link: RedisLink, *command: str | int) -> object:
    return await link.execute(*command, timeout_seconds=PATIENCE_SECONDS)


async def test_commands_get_their_own_replies(link: RedisLink) -> None:
    replies = await asyncio.gather(*(execute(link, "INCR", "n") for _ in range(1000)))
    assert replies == list(range(1, 1001))


async def test_commands_of_one_turn_go_out_together(link: RedisLink, server: RedisProcess) -> None:
    await execute(link, "PING")
    before = server.client.info("stats")["total_reads_processed"]  # type: ignore[index]
    await asyncio.gather(*(execute(link, "PING") for _ in range(200)))
    after = server.client.info("stats")["total_reads_processed"]  # type: ignore[index]
    assert after - before < 20


@pytest.mark.long
async def test_a_password_and_a_database_over_tcp(
    redis_server: str, tmp_path: Path, registry: CollectorRegistry
) -> None:
    port = free_port()
    with RedisProcess(redis_server, tmp_path / "redis", "--port", str(port), "--requirepass", "p@ss"):
        async with linked(f"redis://:p%40ss@127.0.0.1:{port}/3", registry) as link:
            await execute(link, "SET", "a", 1)
            assert b"db3:keys=1" in await execute(link, "INFO", "keyspace")  # type: ignore[operator]


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """One of this machine alone; its key lies beside it."""
    path = tmp_path / "certificate"
    command = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", tmp_path / "key", "-out", path]
    subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run(["openssl", *command, *subject], check=True, capture_output=True)  # noqa: S607
    return path


async def test_tls(redis_server: str, tmp_path: Path, certificate: Path, registry: CollectorRegistry) -> None:
    port = free_port()
    files = ("--tls-cert-file", str(certificate), "--tls-key-file", str(tmp_path / "key"), "--tls-auth-clients", "no")
    with RedisProcess(redis_server, tmp_path / "redis", "--tls-port", str(port), *files):
        async with linked(f"rediss://127.0.0.1:{port}?ssl_ca_certs={certificate}", registry) as link:
            assert await execute(link, "PING") == b"PONG"


@pytest.mark.long
async def test_a_wrong_password_is_unavailable_and_never_said(
    redis_server: str, tmp_path: Path, registry: CollectorRegistry, capsys: pytest.CaptureFixture[str]
) -> None:
    port = free_port()
    with RedisProcess(redis_server, tmp_path / "redis", "--port", str(port), "--requirepass", "right"):
        async with linked(f"redis://:wrong-secret@127.0.0.1:{port}", registry) as link:
            with pytest.raises(RedisUnavailableError) as caught:
                await execute(link, "PING")
    captured = capsys.readouterr()
    assert "AuthenticationError" in captured.out
    assert "wrong-secret" not in captured.out + captured.err + repr(caught.value) + repr(caught.value.__context__)


async def test_an_error_reply_fails_its_own_call_alone(link: RedisLink, registry: CollectorRegistry) -> None:
    await execute(link, "SET", "text", "words")
    good, bad = await asyncio.gather(
        execute(link, "GET", "text"), execute(link, "INCR", "text"), return_exceptions=True
    )
    assert good == b"words"
    assert isinstance(bad, RedisUnavailableError)
    assert link.available
    assert registry.get_sample_value("moorage_gateway_redis_failures_total", {"reason": "reply"}) == 1


async def test_a_slow_command_costs_another_no_more_than_its_timeout(
    link: RedisLink, server: RedisProcess, registry: CollectorRegistry
) -> None:
    server.freeze()
    slow = asyncio.create_task(execute(link, "ECHO", "slow"))
    await asyncio.sleep(0.01)
    with pytest.raises(RedisUnavailableError, match="in time"):
        await link.execute("PING", timeout_seconds=0.005)
    assert not slow.done()
    server.thaw()
    assert await slow == b"slow"
    assert await execute(link, "ECHO", "mine") == b"mine"
    assert registry.get_sample_value("moorage_gateway_redis_failures_total", {"reason": "timeout"}) == 1


async def sent_and_answered(server: RedisProcess, command: str, times: int) -> None:
    """What was asked of a frozen Redis is sent, and answered while the event loop stands still."""
    for _ in range(3):
        await asyncio.sleep(0)
    server.thaw()
    until = time.monotonic() + PATIENCE_SECONDS
    while server.client.info("commandstats").get(f"cmdstat_{command}", {}).get("calls") != times:  # type: ignore[union-attr]
        assert time.monotonic() < until, "it was not sent"


async def test_a_process_that_is_busy_itself_does_not_take_redis_for_late(
    link: RedisLink, server: RedisProcess, registry: CollectorRegistry
) -> None:
    await execute(link, "SET", "text", "words")
    server.freeze()
    replies = [asyncio.create_task(link.execute("GET", "text", timeout_seconds=0.005)) for _ in range(4)]
    await sent_and_answered(server, "get", times=4)
    for _ in range(4):
        time.sleep(0.01)  # noqa: ASYNC251 - what else than Redis a turn of a loaded event loop does
        await asyncio.sleep(0)
    assert await asyncio.gather(*replies) == [b"words"] * 4
    assert registry.get_sample_value("moorage_gateway_redis_failures_total", {"reason": "timeout"}) in (None, 0)


@pytest.mark.usefixtures("hurry")
async def test_a_process_that_was_busy_for_long_does_not_give_redis_up(
    link: RedisLink, server: RedisProcess, registry: CollectorRegistry
) -> None:
    await execute(link, "SET", "text", "words")
    server.freeze()
    reply = asyncio.create_task(execute(link, "GET", "text"))
    await sent_and_answered(server, "get", times=1)
    time.sleep(1.5 * STALL_SECONDS)  # noqa: ASYNC251 - see above
    assert await reply == b"words"
    assert registry.get_sample_value("moorage_gateway_redis_failures_total", {"reason": "connection"}) in (None, 0)


async def test_a_command_whose_time_is_up_before_it_is_sent_is_never_sent(
    link: RedisLink, server: RedisProcess
) -> None:
    server.freeze()
    slow = asyncio.create_task(execute(link, "ECHO", "slow"))
    await asyncio.sleep(0.01)
    with pytest.raises(RedisUnavailableError) as caught:
        await link.execute("SET", "late", "1")
    assert not caught.value.may_have_run
    server.thaw()
    await slow
    assert await execute(link, "EXISTS", "late") == 0


async def test_a_late_reply_reaches_nobody_else(link: RedisLink) -> None:
    chance = random.Random(4)  # noqa: S311

    async def ask(nonce: int) -> bool:
        await asyncio.sleep(chance.uniform(0, 0.5))
        try:
            timeout_seconds = PATIENCE_SECONDS if nonce % 10 == 0 else chance.uniform(0, 0.003)
            reply = await link.execute("ECHO", nonce, timeout_seconds=timeout_seconds)
        except RedisUnavailableError:
            return False
        assert reply == str(nonce).encode()
        return True

    slow = [asyncio.create_task(execute(link, "DEBUG", "SLEEP", "0.002")) for _ in range(100)]
    asked = [asyncio.create_task(ask(nonce)) for nonce in range(2000)]
    for task in chance.sample(asked, 200):
        asyncio.get_running_loop().call_later(chance.uniform(0, 0.5), task.cancel)
    results = await asyncio.gather(*asked, return_exceptions=True)
    assert {type(result) for result in results} <= {bool, asyncio.CancelledError}
    assert {True, False} <= set(results)
    await asyncio.gather(*slow, return_exceptions=True)


@pytest.mark.usefixtures("hurry")
async def test_a_redis_that_falls_silent_is_left_alone_until_it_answers(link: RedisLink, server: RedisProcess) -> None:
    await execute(link, "PING")
    server.freeze()
    with pytest.raises(RedisUnavailableError) as caught:
        await link.execute("PING")
    assert caught.value.may_have_run
    await patiently(lambda: not link.available)
    with pytest.raises(RedisUnavailableError, match="does not answer") as caught:  # without waiting
        await link.execute("PING", timeout_seconds=3600)
    assert not caught.value.may_have_run
    server.thaw()
    await patiently(lambda: link.available)
    assert await execute(link, "ECHO", "again") == b"again"


@pytest.mark.usefixtures("hurry")
async def test_a_silent_redis_is_noticed_while_nobody_asks(link: RedisLink, server: RedisProcess) -> None:
    await execute(link, "PING")
    server.freeze()
    await patiently(lambda: not link.available)
    server.thaw()
    await patiently(lambda: link.available)


async def test_after_a_restart_scripts_are_known_again_and_posts_are_not_lost(
    link: RedisLink, server: RedisProcess, registry: CollectorRegistry
) -> None:
    assert await link.run_script(ADD, ["n"], [1], PATIENCE_SECONDS) == 1
    server.kill()
    await patiently(lambda: not link.available)
    assert registry.get_sample_value("moorage_gateway_redis_available") == 0
    link.post("SET", "posted", "while away")
    link.post_script(ADD, ["n"], [40])
    server.start()
    await patiently(lambda: link.available)
    assert await link.run_script(ADD, ["n"], [2], PATIENCE_SECONDS) == 42
    assert await execute(link, "GET", "posted") == b"while away"
    assert registry.get_sample_value("moorage_gateway_redis_available") == 1


async def test_scripts_that_redis_forgot_are_told_again(link: RedisLink, server: RedisProcess) -> None:
    for expected in (1, 2):
        assert await link.run_script(ADD, ["n"], [1], PATIENCE_SECONDS) == expected
    server.client.script_flush()
    link.post_script(ADD, ["n"], [1])
    server.client.script_flush()
    assert await link.run_script(ADD, ["m"], [1], PATIENCE_SECONDS) == 1
    await patiently(lambda: server.client.get("n") == "3")


async def test_a_redis_that_was_never_there_is_found_when_it_comes(
    redis_server: str, tmp_path: Path, registry: CollectorRegistry
) -> None:
    server = RedisProcess(redis_server, tmp_path / "redis")
    async with linked(server.url, registry) as link:
        with pytest.raises(RedisUnavailableError):
            await execute(link, "PING")
        with server:
            await patiently(lambda: link.available)
            assert await execute(link, "PING") == b"PONG"


async def test_posts_that_wait_are_bounded(tmp_path: Path, registry: CollectorRegistry) -> None:
    async with linked(f"unix://{tmp_path}/nothing", registry) as link:
        for _ in range(MAX_QUEUED_POSTS + 7):
            link.post("INCR", "n")
        assert registry.get_sample_value("moorage_gateway_redis_dropped_posts_total") == 7
        for _ in range(100):
            link.post("SET", "n", b"x" * 1_000_000)
    assert registry.get_sample_value("moorage_gateway_redis_dropped_posts_total") == MAX_QUEUED_POSTS + 107


async def test_closing_sends_what_is_waiting(
    server: RedisProcess, registry: CollectorRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis_link, "CLOSE_SECONDS", PATIENCE_SECONDS)
    async with linked(server.url, registry) as link:
        for _ in range(2000):
            link.post("INCR", "n")
    assert server.client.get("n") == "2000"
    with pytest.raises(RedisUnavailableError):
        await link.execute("PING")
