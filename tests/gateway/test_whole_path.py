"""One request through everything: key, limits, cache, queue, route."""

from __future__ import annotations

import json
import os
import signal
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from .processes import (
    DEAD_ADDRESS,
    KEY,
    KEY_ID,
    PATIENCE_SECONDS,
    STOP_SECONDS,
    Gateway,
    chat,
    document,
    eventually,
    sha256,
    upstream,
)

if TYPE_CHECKING:
    from pathlib import Path

    from .processes import EngineRoom, RunningEngine
    from .redis_process import RedisProcess

CHAT = "/v1/chat/completions"
ADMIN_KEY = "key-of-an-administrator"


def with_tenant(config: dict[str, Any], **limits: Any) -> dict[str, Any]:
    config["keys"] = [
        {"id": KEY_ID, "sha256": sha256(KEY), "tenant": "acme"},
        {"id": "operator", "sha256": sha256(ADMIN_KEY), "role": "admin"},
    ]
    config["tenants"] = [{"id": "acme", **limits}]
    return config


def asked(text: str, **more: Any) -> dict[str, Any]:
    return {**chat(text), "temperature": 0, **more}


@pytest.mark.parametrize("stream", [True, False])
def test_the_second_answer_comes_from_the_cache(
    config_path: Path, engine: RunningEngine, server: RedisProcess, *, stream: bool
) -> None:
    config = document(upstream("tcp", engine.address), cache={}, redis_url=server.url)
    config_path.write_text(json.dumps(config))
    with Gateway(config_path, is_patient=True) as gateway:
        eventually(lambda: gateway.metric("redis_available") == 1)
        first = gateway.client.post(CHAT, json=asked("again", stream=stream))
        eventually(lambda: gateway.metric("cache_answers_total", result="stored") == 1)
        before = engine.fake.counters.requests
        second = gateway.client.post(CHAT, json=asked("again", stream=stream))
        assert engine.fake.counters.requests == before
    assert first.headers["cache-status"].startswith("Moorage; fwd=")
    assert second.headers["cache-status"].startswith("Moorage; hit")
    assert second.content == first.content
    assert second.headers["x-moorage-revision"] == first.headers["x-moorage-revision"] == "r1"
    assert second.headers["x-request-id"] != first.headers["x-request-id"]


@pytest.mark.parametrize("stream", [True, False])
def test_tokens_of_streams_count_against_the_limit_too(
    config_path: Path, engine: RunningEngine, server: RedisProcess, *, stream: bool
) -> None:
    config = document(upstream("tcp", engine.address), redis_url=server.url)
    config_path.write_text(json.dumps(with_tenant(config, tokens_per_minute=10_000)))
    with Gateway(config_path, is_patient=True) as gateway:
        eventually(lambda: gateway.metric("redis_available") == 1)
        # Little is reserved, so that nearly all comes from the engine's count.
        body = {**chat(stream=stream, tokens=1_000), "max_tokens": 1}
        statuses: list[int] = []
        while statuses.count(429) == 0 and len(statuses) < 20:
            statuses.append(gateway.client.post(CHAT, json=body).status_code)
    assert statuses == [200] * 10 + [429]


def test_tokens_of_a_cached_answer_are_not_charged(
    config_path: Path, engine: RunningEngine, server: RedisProcess
) -> None:
    config = document(upstream("tcp", engine.address), cache={}, redis_url=server.url)
    config_path.write_text(json.dumps(with_tenant(config, tokens_per_minute=100_000)))
    with Gateway(config_path, is_patient=True) as gateway:
        eventually(lambda: gateway.metric("redis_available") == 1)
        gateway.client.post(CHAT, json=asked("charged once"))
        eventually(lambda: gateway.metric("cache_answers_total", result="stored") == 1)
        left = [
            int(gateway.client.post(CHAT, json=asked("charged once")).headers["x-ratelimit-remaining-tokens"])
            for _ in range(3)
        ]
    assert left[0] == left[1] == left[2]


def test_a_model_that_a_tenant_may_not_use_does_not_exist_for_it(config_path: Path, engine: RunningEngine) -> None:
    config = document(upstream("a", engine.address), upstream("b", engine.address, "secret-model"))
    config_path.write_text(json.dumps(with_tenant(config, models=["moored"])))
    with Gateway(config_path) as gateway:
        listed = [model["id"] for model in gateway.client.get("/v1/models").json()["data"]]
        refused = gateway.client.post(CHAT, json=chat(model="secret-model"))
    assert listed == ["moored"]
    assert refused.status_code == 404
    assert "secret-model" not in refused.text


def test_an_adapter_is_asked_for_by_its_name(config_path: Path, engine: RunningEngine) -> None:
    config_path.write_text(json.dumps(document(upstream("a", engine.address, adapters=["moored-polite"]))))
    with Gateway(config_path) as gateway:
        listed = [model["id"] for model in gateway.client.get("/v1/models").json()["data"]]
        assert gateway.client.post(CHAT, json=chat(model="moored-polite")).status_code == 200
    assert listed == ["moored", "moored-polite"]


def test_only_an_administrator_gets_a_profile(config_path: Path, engine: RunningEngine) -> None:
    config_path.write_text(json.dumps(with_tenant(document(upstream("a", engine.address)))))
    with Gateway(config_path) as gateway:
        assert gateway.client.get("/debug/profile?seconds=0.1").status_code == 403
        answer = gateway.client.get(
            "/debug/profile?seconds=0.1&format=speedscope", headers={"authorization": f"Bearer {ADMIN_KEY}"}
        )
    assert answer.status_code == 200
    assert "frames" in answer.json()["shared"]


def post_anew(gateway: Gateway, **program: Any) -> httpx.Response:
    """On a connection of its own."""
    headers = {"authorization": f"Bearer {KEY}"}
    url = f"{gateway.url}{CHAT}"
    return httpx.post(url, json=chat(**program), headers=headers, timeout=PATIENCE_SECONDS, trust_env=False)


def process_at(gateway: Gateway) -> int:
    """The one that answers a new connection."""
    return httpx.get(f"{gateway.url}/ready", timeout=PATIENCE_SECONDS, trust_env=False).json()["process_id"]


@pytest.mark.long
def test_who_comes_after_the_propagation_is_told_to_come_back(
    config_path: Path, engine: RunningEngine, engine_room: EngineRoom
) -> None:
    config_path.write_text(json.dumps(document(upstream("a", engine.address))))
    with Gateway(config_path, propagation_seconds=0.2) as gateway:
        with (
            engine_room.holding(engine.fake.may_go_on) as let_go,
            gateway.client.stream("POST", CHAT, json=chat(stream=True)) as answer,
        ):
            events = answer.iter_raw()
            next(events)
            gateway.signal(signal.SIGTERM)

            def refused() -> httpx.Response | None:
                late = post_anew(gateway)
                return late if late.status_code == 503 else None

            late = eventually(refused)
            assert late.json()["error"]["code"] == "shutting_down"
            assert int(late.headers["retry-after"]) >= 1
            let_go()
            assert b"".join(events).endswith(b"data: [DONE]\n\n")
        assert gateway.process.wait(STOP_SECONDS) == 0


def test_workers_share_a_port_and_one_set_of_metrics(config_path: Path, engine: RunningEngine) -> None:
    config_path.write_text(json.dumps(document(upstream("a", engine.address))))
    requests = 40
    with Gateway(config_path, arguments=("--workers", "2")) as gateway:
        eventually(lambda: gateway.metric("workers") == 2)
        with ThreadPoolExecutor(8) as clients:
            assert {answer.status_code for answer in clients.map(post_anew, [gateway] * requests)} == {200}
        assert gateway.metric("requests_total", endpoint=CHAT) == requests
        served_by = {process_at(gateway) for _ in range(requests)}
        assert len(served_by) == 2
        assert gateway.stop() == 0


@pytest.mark.long
@pytest.mark.parametrize(("limit", "most"), [(9, 8), (1, 2)])
def test_workers_divide_the_limit_of_an_engine_that_tells_nothing_of_its_load(
    config_path: Path, engine_room: EngineRoom, limit: int, most: int
) -> None:
    requests = 30
    with engine_room.engine() as mute:
        mute.fake.has_metrics = False
        config_path.write_text(json.dumps(document(upstream("mute", mute.address, max_concurrent_requests=limit))))
        with Gateway(config_path, arguments=("--workers", "2")) as gateway:
            eventually(lambda: gateway.metric("workers") == 2)
            with ThreadPoolExecutor(requests) as clients, engine_room.holding(mute.fake.may_answer) as let_go:
                answers = [clients.submit(post_anew, gateway) for _ in range(requests)]
                eventually(lambda: gateway.metric("demand_requests", model="moored") == requests)
                eventually(lambda: mute.fake.counters.running == most)
                let_go()
                assert {answer.result().status_code for answer in answers} == {200}
        assert mute.fake.counters.most_running == most


@pytest.mark.long
def test_a_worker_that_dies_is_started_again(config_path: Path, engine: RunningEngine) -> None:
    config_path.write_text(json.dumps(document(upstream("a", engine.address))))
    with Gateway(config_path, arguments=("--workers", "2")) as gateway:
        eventually(lambda: gateway.metric("workers") == 2)
        os.kill(process_at(gateway), signal.SIGKILL)
        eventually(lambda: len(gateway.events("listening")) == 3)
        eventually(lambda: gateway.metric("workers") == 2)


def test_an_engine_that_cannot_be_reached_costs_nothing_but_the_next_ones_time(
    config_path: Path, engine: RunningEngine
) -> None:
    pool = [upstream("gone", DEAD_ADDRESS, pool="p"), upstream("here", engine.address, pool="p")]
    config_path.write_text(json.dumps(document(*pool)))
    with Gateway(config_path) as gateway:
        statuses = {gateway.client.post(CHAT, json=chat(f"conversation {i}")).status_code for i in range(20)}
    assert statuses == {200}
