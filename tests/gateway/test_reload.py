"""SIGHUP: the new configuration for new requests, the old one for those that run, and no request lost in between."""

from __future__ import annotations

import json
import signal
import threading
import time
from typing import TYPE_CHECKING

import httpx
import pytest

from .processes import KEY, PATIENCE_SECONDS, Gateway, chat, document, eventually, sha256, upstream
from .redis_process import RedisProcess

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from .processes import EngineRoom, RunningEngine

CHAT = "/v1/chat/completions"
LEASES = "moorage:quota:{acme}:leases"


@pytest.fixture(scope="module")
def other_engine(engine_room: EngineRoom) -> Iterator[RunningEngine]:
    with engine_room.engine() as running:
        yield running


@pytest.fixture(scope="module")
def gateway(engine: RunningEngine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    path: Path = tmp_path_factory.mktemp("reload") / "config.json"
    path.write_text(json.dumps(document(upstream("first", engine.address))))
    with Gateway(path, is_patient=True) as running:
        yield running


def active_sha256(gateway: Gateway) -> str:
    active: str = gateway.client.get("/ready").json()["config_sha256"]
    return active


def reload(gateway: Gateway, content: dict[str, object]) -> None:
    """Write and signal, then wait as a supervisor does: until the hash of what was written is the active one."""
    written = gateway.write_config(content)
    gateway.signal(signal.SIGHUP)
    eventually(lambda: active_sha256(gateway) == written)


def test_a_supervisor_sees_that_a_reload_has_taken_effect(gateway: Gateway, engine: RunningEngine) -> None:
    before = gateway.metric("config_last_reload_success_timestamp_seconds")
    content = document(upstream("first", engine.address), redis_url=None)
    reload(gateway, content)
    assert gateway.metric("config_info", sha256=sha256(json.dumps(content))) == 1
    assert gateway.metric("config_last_reload_success_timestamp_seconds") > before


def test_no_request_fails_while_reloading_under_load(
    gateway: Gateway, engine: RunningEngine, other_engine: RunningEngine
) -> None:
    finished = threading.Event()
    answers: list[str] = []

    def ask(number: int) -> None:
        headers = {"authorization": f"Bearer {KEY}"}
        with httpx.Client(headers=headers, timeout=PATIENCE_SECONDS, trust_env=False) as client:
            while not finished.is_set():
                body = chat(stream=bool(number % 2), inter_token_seconds=0.02)
                answer = client.post(gateway.url + CHAT, json=body)
                answers.append(answer.text if answer.status_code == 200 else f"failed: {answer.text}")

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for number in range(10):
        address = (engine, other_engine)[number % 2].address
        reload(gateway, document(upstream(f"number-{number}", address)))
        time.sleep(0.1)
    finished.set()
    for thread in threads:
        thread.join()
    assert len(answers) > 20
    assert not [answer for answer in answers if "failed" in answer or "error" in answer]


def test_a_running_stream_stays_with_its_engine_and_key(
    gateway: Gateway, engine: RunningEngine, other_engine: RunningEngine, engine_room: EngineRoom
) -> None:
    reload(gateway, document(upstream("first", engine.address)))
    with (
        engine_room.holding(engine.fake.may_go_on) as let_go,
        gateway.client.stream("POST", CHAT, json=chat(stream=True)) as answer,
    ):
        events = answer.iter_raw()
        next(events)
        new_keys = [{"id": "new", "sha256": sha256("new-key")}]
        written = gateway.write_config(document(upstream("second", other_engine.address), keys=new_keys))
        gateway.signal(signal.SIGHUP)
        eventually(lambda: active_sha256(gateway) == written)
        assert gateway.metric("upstream_connections", upstream="first", state="busy") == 1
        asked_before = other_engine.fake.counters.requests
        assert gateway.client.post(CHAT, json=chat()).status_code == 401
        new_key = {"authorization": "Bearer new-key"}
        assert gateway.client.post(CHAT, json=chat(), headers=new_key).status_code == 200
        assert other_engine.fake.counters.requests == asked_before + 1
        let_go()
        assert b"".join(events).endswith(b"data: [DONE]\n\n")


def test_authentication_can_be_switched_off(gateway: Gateway, engine: RunningEngine) -> None:
    reload(gateway, document(upstream("first", engine.address), authentication="none", keys=[]))
    request = gateway.client.build_request("POST", CHAT, json=chat(), headers={"x-request-id": "without-key"})
    del request.headers["authorization"]
    assert gateway.client.send(request).status_code == 200
    assert gateway.access_line("without-key")["key_id"] == "anonymous"


def test_connections_to_a_removed_engine_are_closed_after_its_last_request(
    gateway: Gateway, engine_room: EngineRoom, engine: RunningEngine
) -> None:
    with engine_room.engine() as leaving:
        reload(gateway, document(upstream("leaving", leaving.address)))
        gateway.client.post(CHAT, json=chat())
        assert leaving.fake.counters.connections >= 1
        reload(gateway, document(upstream("first", engine.address)))
        eventually(lambda: leaving.fake.counters.connections == 0)


def test_an_unchanged_engine_keeps_its_connections(gateway: Gateway, engine: RunningEngine) -> None:
    reload(gateway, document(upstream("first", engine.address), max_request_body_bytes=5000))
    gateway.client.post(CHAT, json=chat())
    idle = gateway.metric("upstream_connections", upstream="first", state="idle")
    reload(gateway, document(upstream("first", engine.address), max_request_body_bytes=6000))
    assert gateway.metric("upstream_connections", upstream="first", state="idle") >= idle >= 1


@pytest.mark.parametrize("content", ["{", '{"version": 1, "upstreams": []}', ""])
def test_an_invalid_file_is_refused_loudly_and_changes_nothing(
    gateway: Gateway, engine: RunningEngine, content: str
) -> None:
    reload(gateway, document(upstream("first", engine.address)))
    before, failures = active_sha256(gateway), gateway.metric("config_reload_failures_total")
    refused = len(gateway.events("config_reload_refused"))
    gateway.write_config(content)
    gateway.signal(signal.SIGHUP)
    eventually(lambda: gateway.metric("config_reload_failures_total") == failures + 1)
    assert active_sha256(gateway) == before
    assert gateway.client.post(CHAT, json=chat()).status_code == 200
    eventually(lambda: len(gateway.events("config_reload_refused")) > refused)
    assert gateway.events("config_reload_refused")[-1]["active_sha256"] == before


def test_a_missing_file_is_refused(gateway: Gateway) -> None:
    failures = gateway.metric("config_reload_failures_total")
    gateway.config_path.unlink()
    gateway.signal(signal.SIGHUP)
    eventually(lambda: gateway.metric("config_reload_failures_total") == failures + 1)
    eventually(lambda: "cannot read" in str(gateway.events("config_reload_refused")[-1:]))


def test_many_signals_at_once_do_no_harm(gateway: Gateway, engine: RunningEngine) -> None:
    gateway.write_config(document(upstream("first", engine.address)))
    for _ in range(30):
        gateway.signal(signal.SIGHUP)
        time.sleep(0.002)
    assert gateway.client.post(CHAT, json=chat()).status_code == 200


def test_a_request_that_outlives_two_reloads_gives_back_what_it_held(
    gateway: Gateway, engine: RunningEngine, engine_room: EngineRoom, redis_server: str, tmp_path: Path
) -> None:
    limited = document(
        upstream("first", engine.address),
        keys=[{"id": "tests", "sha256": sha256(KEY), "tenant": "acme"}],
        tenants=[{"id": "acme", "concurrent_requests": 5}],
    )
    with (
        RedisProcess(redis_server, tmp_path / "redis-1") as first,
        RedisProcess(redis_server, tmp_path / "redis-2") as second,
    ):
        reload(gateway, {**limited, "redis_url": first.url})
        eventually(lambda: gateway.metric("redis_available") == 1)
        with (
            engine_room.holding(engine.fake.may_go_on) as let_go,
            gateway.client.stream("POST", CHAT, json=chat(stream=True)) as answer,
        ):
            pieces = answer.iter_raw()
            next(pieces)
            assert first.client.zcard(LEASES) == 1
            reload(gateway, {**limited, "redis_url": first.url, "max_request_body_bytes": 5000})
            reload(gateway, {**limited, "redis_url": second.url})
            let_go()
            assert b"[DONE]" in b"".join(pieces)
        eventually(lambda: first.client.zcard(LEASES) == 0, 15)  # the lease itself would last for 30 seconds
        reload(gateway, document(upstream("first", engine.address)))
