"""Two gateways together let exactly the limit through, whatever 50 clients do at once.

What LiteLLM let through instead: 544 of a limit of 100 requests (its issue 6938), 663 of 100 tokens (18730).
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from .processes import KEY, KEY_ID, Gateway, chat, document, eventually, sha256, upstream
from .redis_process import RedisProcess

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from .processes import EngineRoom, RunningEngine

CHAT = "/v1/chat/completions"
CLIENTS = 50
PROMPT_TOKENS = 7  # of the fake engine's every answer
Replicas = list[Gateway]


@pytest.fixture
def start(redis_server: str, tmp_path: Path, engine: RunningEngine) -> Iterator[Callable[..., Replicas]]:
    """Two gateways in front of one engine, with one tenant and one Redis."""
    with ExitStack() as stack:
        server = stack.enter_context(RedisProcess(redis_server, tmp_path / "redis"))

        def start(**limits: int) -> Replicas:
            config = document(
                upstream("tcp", engine.address),
                keys=[{"id": KEY_ID, "sha256": sha256(KEY), "tenant": "acme"}],
                tenants=[{"id": "acme", **limits}],
                quotas={"gateway_replicas": 2},
                redis_url=server.url,
            )
            path = tmp_path / "config.json"
            path.write_text(json.dumps(config))
            replicas = [stack.enter_context(Gateway(path, is_patient=True)) for _ in range(2)]
            for replica in replicas:
                eventually(lambda replica=replica: replica.metric("redis_available") == 1)
            return replicas

        yield start


def ask_all(replicas: Replicas, each: int, body: dict[str, Any]) -> Counter[int]:
    """The statuses that 50 clients get which ask at once, every other one each gateway, so many times."""
    return asyncio.run(_ask_all(replicas, each, body))


async def _ask_all(replicas: Replicas, each: int, body: dict[str, Any]) -> Counter[int]:
    async def client(number: int) -> list[int]:
        gateway = replicas[number % len(replicas)]
        headers = {"authorization": f"Bearer {KEY}"}
        async with httpx.AsyncClient(base_url=gateway.url, headers=headers, timeout=60, trust_env=False) as http:
            return [(await http.post(CHAT, json=body)).status_code for _ in range(each)]

    statuses = await asyncio.gather(*(client(number) for number in range(CLIENTS)))
    return Counter(status for of_client in statuses for status in of_client)


def counted_in_redis(replicas: Replicas) -> bool:
    return all(replica.metric("quota_counted_locally") == 0 for replica in replicas)


def test_requests_per_minute(start: Callable[..., Replicas]) -> None:
    replicas = start(requests_per_minute=100)
    assert ask_all(replicas, 4, chat(tokens=1)) == {200: 100, 429: 100}
    assert counted_in_redis(replicas)


def test_tokens_per_minute(start: Callable[..., Replicas]) -> None:
    limit, used_each = 5_000, PROMPT_TOKENS + 40
    replicas = start(tokens_per_minute=limit)
    body = chat(tokens=40) | {"max_tokens": 60}
    let_through = ask_all(replicas, 3, body)[200]
    # Reservations are larger than what was used, so that a few more fit in when all are settled.
    while replicas[let_through % 2].client.post(CHAT, json=body).status_code == 200:
        let_through += 1
    assert let_through * used_each <= limit
    assert limit - (let_through + 1) * used_each < 60 + len(json.dumps(body)) / 4
    assert counted_in_redis(replicas)


@pytest.mark.long
def test_concurrent_requests(start: Callable[..., Replicas], engine: RunningEngine, engine_room: EngineRoom) -> None:
    replicas = start(concurrent_requests=8)

    def refused() -> float:
        return sum(replica.metric("quota_rejected_total", reason="concurrency") for replica in replicas)

    for turn in (1, 2):  # every slot is free again after the first time
        with ThreadPoolExecutor(1) as clients, engine_room.holding(engine.fake.may_answer) as let_go:
            answers = clients.submit(ask_all, replicas, 1, chat())
            eventually(lambda turn=turn: refused() == turn * (CLIENTS - 8))
            eventually(lambda: engine.fake.counters.running == 8)
            let_go()
            assert answers.result() == {200: 8, 429: CLIENTS - 8}
    assert counted_in_redis(replicas)


def test_tokens_per_month(start: Callable[..., Replicas]) -> None:
    replicas = start(tokens_per_month=10_000)
    body = chat(tokens=93) | {"max_tokens": 93}
    let_through = ask_all(replicas, 4, body)[200]
    assert 95 <= let_through <= 100
