"""Usage per key and day reaches a real Redis, which never stands in the way of a request."""

from __future__ import annotations

import json
import socket
import subprocess
import time
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
import redis

from .processes import DEAD_ADDRESS, KEY_ID, Gateway, chat, document, eventually, upstream

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from .processes import RunningEngine

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
        process.wait(10)


@pytest.fixture
def redis_path(tmp_path: Path) -> Path:
    return tmp_path / "redis"


@pytest.fixture
def gateway(config_path: Path, engine: RunningEngine, redis_path: Path) -> Iterator[Gateway]:
    config_path.write_text(json.dumps(document(upstream("tcp", engine.address), redis_url=f"unix://{redis_path}")))
    with Gateway(config_path) as running:
        yield running


def counts(client: redis.Redis) -> dict[str, int]:
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
        assert time.monotonic() - started < 2
        eventually(lambda: gateway.metric("usage_ledger_flush_failures_total") >= 1)


def test_what_cannot_be_written_before_the_end_is_said_to_be_lost(gateway: Gateway) -> None:
    gateway.client.post(CHAT, json=chat())
    assert gateway.stop() == 0
    assert gateway.events("usage_dropped")[-1]["tokens"] == 10


def test_a_redis_url_that_makes_no_sense_is_refused(config_path: Path) -> None:
    config_path.write_text(json.dumps(document(upstream("a", DEAD_ADDRESS), redis_url="redis://h:99999")))
    with pytest.raises(AssertionError, match="redis_url"):
        Gateway(config_path).__enter__()
