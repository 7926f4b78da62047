"""Usage per key and day reaches a real Redis, which never stands in the way of a request."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import subprocess
import time
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
import redis
from prometheus_client import CollectorRegistry

from moorage_serving.gateway import ledger as ledger_module
from moorage_serving.gateway.ledger import Ledger, LedgerMetrics
from moorage_serving.gateway.redis_link import RedisLink, RedisMetrics
from moorage_serving.gateway.usage import Usage

from .processes import DEAD_ADDRESS, KEY_ID, PATIENCE_SECONDS, Gateway, chat, document, eventually, upstream

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from .processes import RunningEngine
    from .redis_process import RedisProcess

CHAT = "/v1/chat/completions"


@contextmanager
def running_redis(program: str, path: Path) -> Iterator[redis.Redis]:
    command = [program, "--port", "0", "--unixsocket", str(path), "--save", "", "--appendonly", "no"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, cwd=path.parent)
    try:
        with redis.Redis(unix_socket_path=str(path), decode_responses=True) as client:
            eventually(path.exists)
            eventually(client.ping)
            yield client
    finally:
        process.terminate()
        process.wait(PATIENCE_SECONDS)


@pytest.fixture
def redis_path(tmp_path: Path) -> Path:
    return tmp_path / "redis"


@pytest.fixture
def gateway(config_path: Path, engine: RunningEngine, redis_path: Path) -> Iterator[Gateway]:
    config_path.write_text(json.dumps(document(upstream("tcp", engine.address), redis_url=f"unix://{redis_path}")))
    with Gateway(config_path) as running:
        yield running


def counts(client: redis.Redis) -> dict[str, int]:
    """What Redis has of the tests' key, today."""
    key = f"moorage:usage:{datetime.now(UTC).date().isoformat()}:{KEY_ID}"
    return {name: int(value) for name, value in client.hgetall(key).items()}  # type: ignore[union-attr]


def test_usage_is_added_up_per_key_and_day(redis_server: str, redis_path: Path, gateway: Gateway) -> None:
    with running_redis(redis_server, redis_path) as client:
        for stream in (True, False):
            gateway.client.post(CHAT, json=chat(stream=stream, tokens=5))
        expected = {"requests": 2, "prompt_tokens": 14, "completion_tokens": 10}
        eventually(lambda: counts(client) == expected)
        gateway.client.post(CHAT, json=chat(tokens=1))
        assert gateway.stop() == 0  # writes what is pending
        assert counts(client) == {"requests": 3, "prompt_tokens": 21, "completion_tokens": 11}
        day = datetime.now(UTC).date().isoformat()
        assert client.ttl(f"moorage:usage:{day}:{KEY_ID}") > 0


def test_while_redis_is_away_nothing_fails_and_nothing_is_lost(
    redis_server: str, redis_path: Path, gateway: Gateway
) -> None:
    for _ in range(5):
        assert gateway.client.post(CHAT, json=chat()).status_code == 200
    eventually(lambda: gateway.metric("usage_ledger_flush_failures_total") >= 1)
    with running_redis(redis_server, redis_path) as client:
        eventually(lambda: counts(client) == {"requests": 5, "prompt_tokens": 35, "completion_tokens": 15})
    assert gateway.metric("usage_ledger_dropped_tokens_total") == 0


def test_a_redis_that_does_not_answer_delays_no_request(redis_path: Path, gateway: Gateway) -> None:
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(redis_path))
        silent.listen()
        started = time.monotonic()
        for _ in range(20):
            assert gateway.client.post(CHAT, json=chat()).status_code == 200
        assert time.monotonic() - started < 20 * ledger_module.REDIS_TIMEOUT_SECONDS / 2
        eventually(lambda: gateway.metric("usage_ledger_flush_failures_total") >= 1)


def test_what_cannot_be_written_before_the_end_is_said_to_be_lost(gateway: Gateway) -> None:
    gateway.client.post(CHAT, json=chat())
    assert gateway.stop() == 0
    assert gateway.events("usage_dropped")[-1]["tokens"] == 10


def test_a_reload_to_another_redis_leaves_nothing_behind(
    redis_server: str, redis_path: Path, tmp_path: Path, engine: RunningEngine, gateway: Gateway
) -> None:
    other_path = tmp_path / "other"
    with running_redis(redis_server, redis_path) as first, running_redis(redis_server, other_path) as second:
        eventually(lambda: gateway.metric("redis_available") == 1)
        gateway.client.post(CHAT, json=chat(tokens=1))
        gateway.write_config(document(upstream("tcp", engine.address), redis_url=f"unix://{other_path}"))
        gateway.signal(signal.SIGHUP)
        eventually(lambda: len(gateway.events("config_active")) == 2)
        gateway.client.post(CHAT, json=chat(tokens=2))
        eventually(lambda: counts(first) == {"requests": 1, "prompt_tokens": 7, "completion_tokens": 1})
        eventually(lambda: counts(second) == {"requests": 1, "prompt_tokens": 7, "completion_tokens": 2})


@pytest.mark.long
@pytest.mark.anyio
async def test_whatever_redis_does_nothing_is_counted_twice_and_what_may_be_missing_is_told(
    server: RedisProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledger_module, "FLUSH_INTERVAL_SECONDS", 0.02)
    registry = CollectorRegistry()
    link = RedisLink(server.url, RedisMetrics(registry))
    ledger = Ledger(link, LedgerMetrics(registry))
    amounts: list[Usage] = []

    async def ask_for(seconds: float) -> None:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            amounts.append(Usage(1, 1 + len(amounts) % 3))
            ledger.add(KEY_ID, amounts[-1])
            await asyncio.sleep(0.002)

    for round_ in range(5):
        await ask_for(0.2 + round_ / 100)
        server.freeze()  # in the middle of a write, and for longer than the link waits
        await ask_for(0.4)
        server.thaw()
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not link.available:  # noqa: ASYNC110 - nothing tells when
            await asyncio.sleep(0.01)
    await ledger.close()
    await link.close()
    in_redis = counts(server.client)
    written = in_redis["prompt_tokens"] + in_redis["completion_tokens"]
    dropped = registry.get_sample_value("moorage_gateway_usage_ledger_dropped_tokens_total") or 0
    assert in_redis["requests"] <= len(amounts)
    assert 0 < written <= sum(map(sum, amounts)) <= written + dropped
    assert dropped > 0


def test_a_redis_url_that_makes_no_sense_is_refused(config_path: Path) -> None:
    config_path.write_text(json.dumps(document(upstream("a", DEAD_ADDRESS), redis_url="redis://h:99999")))
    with pytest.raises(AssertionError, match="redis_url"):
        Gateway(config_path).__enter__()
