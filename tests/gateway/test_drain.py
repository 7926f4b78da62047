"""SIGTERM: what is open is finished, nothing new is taken, and the end is no failure."""

from __future__ import annotations

import json
import signal
import threading
from typing import TYPE_CHECKING

import httpx
import pytest

from .processes import KEY, PATIENCE_SECONDS, STOP_SECONDS, Gateway, chat, document, eventually, upstream

if TYPE_CHECKING:
    from pathlib import Path

    from .processes import RunningEngine

CHAT = "/v1/chat/completions"


@pytest.fixture
def written_config(config_path: Path, engine: RunningEngine) -> Path:
    config_path.write_text(json.dumps(document(upstream("tcp", engine.address))))
    return config_path


def test_open_streams_finish_and_new_connections_are_refused(written_config: Path) -> None:
    with Gateway(written_config, propagation_seconds=1) as gateway:
        body = chat(stream=True, tokens=8, inter_token_seconds=0.2)
        with gateway.client.stream("POST", CHAT, json=body) as answer:
            events = answer.iter_raw()
            next(events)
            gateway.signal(signal.SIGTERM)
            eventually(lambda: refuses(gateway))
            assert b"".join(events).endswith(b"data: [DONE]\n\n")
        assert gateway.process.wait(STOP_SECONDS) == 0


def refuses(gateway: Gateway) -> bool:
    """Refused, or told that the gateway is going."""
    try:
        return httpx.get(f"{gateway.url}/ready", timeout=PATIENCE_SECONDS, trust_env=False).status_code == 503
    except httpx.TransportError:
        return True


@pytest.mark.long
def test_a_stream_that_outlasts_the_drain_is_told_so(written_config: Path, engine: RunningEngine) -> None:
    with Gateway(written_config, arguments=("--drain-seconds", "1"), propagation_seconds=1) as gateway:
        body = chat(stream=True, tokens=1000, inter_token_seconds=0.1)
        headers = {"x-request-id": "outlasted"}
        with gateway.client.stream("POST", CHAT, json=body, headers=headers) as answer:
            events = answer.iter_raw()
            next(events)
            gateway.signal(signal.SIGTERM)
            last = b"".join(events).split(b"\n\n")[-2]
        assert last.startswith(b'data: {"error":')
        assert b"shutting_down" in last
        assert gateway.process.wait(STOP_SECONDS) == 0
        assert gateway.access_line("outlasted")["outcome"] == "shut_down"
    eventually(lambda: engine.fake.counters.running == 0)


def test_an_idle_gateway_ends_at_once(written_config: Path) -> None:
    with Gateway(written_config, propagation_seconds=1) as gateway:
        assert gateway.client.get("/health").status_code == 200  # leaves an idle connection behind
        gateway.signal(signal.SIGTERM)
        assert gateway.process.wait(STOP_SECONDS) == 0  # half of what open requests would get


def process_at(url: str) -> int:
    """The one that answers a new connection."""
    return httpx.get(f"{url}/ready", timeout=PATIENCE_SECONDS, trust_env=False).json()["process_id"]


@pytest.mark.long
def test_a_new_process_takes_over_the_port_without_a_failed_request(written_config: Path) -> None:
    finished = threading.Event()
    statuses: list[int] = []

    def ask(url: str) -> None:
        while not finished.is_set():
            # A connection per request, as after a new deployment.
            with httpx.Client(timeout=PATIENCE_SECONDS, trust_env=False) as client:
                headers = {"authorization": f"Bearer {KEY}"}
                statuses.append(client.post(url, json=chat(), headers=headers).status_code)

    with Gateway(written_config, arguments=("--reuse-port",), propagation_seconds=1) as old:
        threads = [threading.Thread(target=ask, args=(old.url + CHAT,)) for _ in range(2)]
        for thread in threads:
            thread.start()
        with Gateway(written_config, arguments=("--reuse-port",), port=old.port, propagation_seconds=1) as new:
            eventually(lambda: process_at(old.url) == old.process.pid)
            assert old.stop() == 0
            assert new.client.get("/ready").json()["process_id"] == new.process.pid
            served = len(statuses)
            eventually(lambda: len(statuses) > served + 20)
            finished.set()
            for thread in threads:
                thread.join()
            assert new.metric("requests_total", endpoint=CHAT) > 0
    assert set(statuses) == {200}
