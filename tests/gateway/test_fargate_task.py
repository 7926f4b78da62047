"""The container of `FargateGateway` as ECS runs and ends it: no answer is lost, whoever goes."""

from __future__ import annotations

import contextlib
import json
import signal
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from moorage.aws.gateway_spec import FargateGatewaySpec
from moorage.aws.load_balancer_spec import LoadBalancerSpec
from moorage.spec.gateway_document import render_gateway_document

from .draining_balancer import DrainingBalancer
from .ecs_task import EcsTask
from .processes import KEY, KEY_ID, PATIENCE_SECONDS, chat, sha256, upstream

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .processes import EngineRoom, RunningEngine

IMAGE = "registry.example.com/moorage-serving@sha256:" + "0123456789abcdef" * 4
SERVICE_LEVEL = {"p99_request_seconds": 8.0}
HEADERS = {"authorization": f"Bearer {KEY}"}
CHAT = "/v1/chat/completions"
STREAMS = 6


def definition(engine: RunningEngine, **changes: Any) -> dict[str, Any]:
    """The container as the component gives it to ECS."""
    spec = FargateGatewaySpec.model_validate(
        {
            "region": "eu-central-1",
            "image": IMAGE,
            "authentication": "api_keys",
            "service_level": SERVICE_LEVEL,
            **changes,
        }
    )
    document = render_gateway_document(
        [upstream("engine", engine.address)],  # pyright: ignore[reportArgumentType] - the test's is any mapping
        [{"id": KEY_ID, "sha256": sha256(KEY)}],
        "api_keys",
        None,
        spec.document_settings,
    )
    return spec.container(IMAGE, document, "/moorage/gateway", {}).document()


@contextmanager
def balancer(engine_room: EngineRoom) -> Iterator[tuple[DrainingBalancer, str]]:
    running = DrainingBalancer()
    port = engine_room.run(running.start())
    try:
        yield running, f"http://127.0.0.1:{port}"
    finally:
        engine_room.run(running.close())


class Streams:
    """Streams that are open at one time, each on a connection of its own."""

    def __init__(self, url: str, seconds: float) -> None:
        self.answers: list[bytes] = []
        body = chat(stream=True, tokens=20, inter_token_seconds=seconds / 20)
        self._threads = [threading.Thread(target=self._read, args=(url, body)) for _ in range(STREAMS)]
        self._begun = threading.Barrier(STREAMS + 1)
        for thread in self._threads:
            thread.start()
        self._begun.wait(PATIENCE_SECONDS)

    def _read(self, url: str, body: dict[str, Any]) -> None:
        with (
            httpx.Client(headers=HEADERS, timeout=PATIENCE_SECONDS, trust_env=False) as client,
            client.stream("POST", url + CHAT, json=body) as answer,
        ):
            events = answer.iter_raw()
            first = next(events)
            self._begun.wait(PATIENCE_SECONDS)
            self.answers.append(first + b"".join(events))

    def whole(self) -> int:
        """How many have come to their end."""
        for thread in self._threads:
            thread.join(PATIENCE_SECONDS)
        return sum(answer.endswith(b"data: [DONE]\n\n") for answer in self.answers)


def post(url: str) -> httpx.Response:
    """On a new connection."""
    return httpx.post(url + CHAT, json=chat(), headers=HEADERS, timeout=PATIENCE_SECONDS, trust_env=False)


@contextmanager
def steady_requests(url: str) -> Iterator[list[int]]:
    """Somebody who asks again and again, each time on a new connection; the statuses that he got."""
    statuses: list[int] = []
    over = threading.Event()

    def ask() -> None:
        while not over.wait(0.05):
            try:
                statuses.append(post(url).status_code)
            except httpx.TransportError:
                statuses.append(0)

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        yield statuses
    finally:
        over.set()
        asking.join()


@pytest.mark.long
def test_a_new_version_takes_over_and_no_answer_is_lost(engine: RunningEngine, engine_room: EngineRoom) -> None:
    """As ECS replaces a task: the new one is healthy first, then the balancer lets the old one go, then it is told."""
    delay_seconds = LoadBalancerSpec.model_validate(
        {"region": "eu-central-1", "service_level": SERVICE_LEVEL}
    ).deregistration_delay_seconds
    old = EcsTask(definition(engine), {})
    assert not old.is_healthy()
    with balancer(engine_room) as (running, url), old, contextlib.ExitStack() as later:
        old.become_healthy()
        engine_room.run(running.register(old.port))
        with steady_requests(url) as statuses:
            streams = Streams(url, seconds=4)
            new = later.enter_context(EcsTask(definition(engine), {}))
            new.become_healthy()
            engine_room.run(running.register(new.port))
            engine_room.run(running.deregister(old.port, delay_seconds))
            began = time.monotonic()
            assert old.stop() == 0
            assert time.monotonic() - began < old.definition["stopTimeout"]
        assert streams.whole() == STREAMS
        assert set(statuses) == {200}
        assert len(statuses) > 20
        assert running.cut == 0
        assert not old.is_healthy()


@pytest.mark.long
def test_a_task_that_is_told_to_stop_while_the_balancer_still_sends_finishes_everything(
    engine: RunningEngine, engine_room: EngineRoom
) -> None:
    """As when somebody stops it by hand: for a while it serves on, and it ends before it is killed."""
    with balancer(engine_room) as (running, url), EcsTask(definition(engine), {}) as task:
        task.become_healthy()
        engine_room.run(running.register(task.port))
        with steady_requests(url) as statuses:
            streams = Streams(url, seconds=4)
            task.process.send_signal(signal.SIGTERM)
            assert streams.whole() == STREAMS
        assert set(statuses) == {200}
        began = time.monotonic()
        assert task.process.wait(task.definition["stopTimeout"]) == 0
        assert time.monotonic() - began < task.definition["stopTimeout"]


def test_a_document_that_no_gateway_takes_ends_the_task_at_once(engine: RunningEngine) -> None:
    """So that the deployment's circuit breaker sees it, and takes it back."""
    broken = definition(engine)
    broken["environment"] = [{"name": "MOORAGE_GATEWAY_DOCUMENT", "value": json.dumps({"version": 1})}]
    with EcsTask(broken, {}) as task:
        assert task.process.wait(PATIENCE_SECONDS) == 2


def test_two_processes_of_a_larger_task_serve_as_one(engine: RunningEngine) -> None:
    with EcsTask(definition(engine, cpu=2.0), {}) as task:
        task.become_healthy()
        url = f"http://127.0.0.1:{task.port}"
        for _ in range(4):
            assert post(url).status_code == 200
