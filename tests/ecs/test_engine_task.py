"""The engine's task runs: vLLM by the very command, health check and stop that `FargateVllm` registers."""

from __future__ import annotations

import json
import os
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from moorage.aws.fargate_vllm import FargateVllm
from moorage.local.tiny_model.facts import tiny_model_facts
from tests.checkout import ROOT
from tests.contract.examples import component
from tests.contract.recording import run_program
from tests.end_to_end.tiny_model import built_tiny_model
from tests.gateway.processes import KEY, Gateway, document, upstream

from .task import Task, container_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

pytestmark = pytest.mark.long

MODEL = "tiny"
TOKENS = 60
CLIENTS = 2
MIB = 2**20
# docs.docker.com/reference/cli/docker/container/run, --shm-size (read 2026-11-25).
CONTAINERS_OWN_BYTES = 64 * MIB


@pytest.fixture(scope="module")
def definition() -> Mapping[str, Any]:
    """Of a task with the tiny model where an image would have it."""
    program = component(
        FargateVllm,
        "engine",
        model={"source": str(built_tiny_model()), "served_name": MODEL},
        facts=tiny_model_facts().model_dump(),
        service_level={"p99_request_seconds": 30.0},
        load={"concurrent_requests": 4, "mean_prompt_tokens": 64, "mean_output_tokens": 64},
        hugging_face_token=...,
        lora_rank=...,
    )
    _, recording = run_program(program)
    return container_of(recording.the("TaskDefinition").inputs)


@pytest.fixture(scope="module")
def tasks(definition: Mapping[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Task, Task]]:
    """Two, as a service has while it is deployed."""
    folder = tmp_path_factory.mktemp("tasks")
    path = f"{ROOT / '.tools' / 'engine' / 'bin'}{os.pathsep}{os.environ['PATH']}"
    with Task(definition, folder / "old", path) as old, Task(definition, folder / "new", path) as new:
        assert not old.is_healthy(), "before it has loaded anything"
        old.wait_until_healthy()
        new.wait_until_healthy()
        yield old, new


@pytest.fixture(scope="module")
def gateway(tasks: tuple[Task, Task], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    ours = document(
        *(upstream(name, task.address, MODEL) for name, task in zip(("old", "new"), tasks, strict=True)),
        timeouts={"connect_seconds": 5, "first_byte_seconds": 60, "idle_seconds": 60},
    )
    config = tmp_path_factory.mktemp("gateway") / "gateway.json"
    config.write_text(json.dumps(ours))
    with Gateway(config) as running:
        yield running


@dataclass
class Client:
    """Asks one streaming question after the other."""

    url: str
    answers: list[int] = field(default_factory=list)
    """How many pieces each had."""
    failures: list[str] = field(default_factory=list)

    def ask_until(self, over: threading.Event) -> None:
        with httpx.Client(base_url=self.url, timeout=90, trust_env=False) as client:
            while not over.is_set():
                self._ask(client)

    def _ask(self, client: httpx.Client) -> None:
        body = {
            "model": MODEL,
            "messages": [{"role": "user", "content": "Which harbour is the oldest?"}],
            "max_tokens": TOKENS,
            "min_tokens": TOKENS,
            "stream": True,
        }
        try:
            headers = {"authorization": f"Bearer {KEY}"}
            with client.stream("POST", "/v1/chat/completions", json=body, headers=headers) as answer:
                lines = [line for line in answer.iter_lines() if line]
        except httpx.HTTPError as error:
            self.failures.append(repr(error))
            return
        if answer.status_code != httpx.codes.OK or lines[-1] != "data: [DONE]":
            self.failures.append(f"{answer.status_code} {lines[-1:]}")
        self.answers.append(len(lines))


def test_its_shared_memory_is_more_than_a_container_has_by_itself_and_what_it_is_given(
    tasks: tuple[Task, Task], definition: Mapping[str, Any]
):
    old, _ = tasks
    (given,) = definition["linuxParameters"]["tmpfs"]
    assert CONTAINERS_OWN_BYTES < old.shared_memory_bytes < given["size"] * MIB


def test_a_stop_while_it_streams_loses_nothing(tasks: tuple[Task, Task], gateway: Gateway):
    old, new = tasks
    over, clients = threading.Event(), [Client(gateway.url) for _ in range(CLIENTS)]
    threads = [threading.Thread(target=client.ask_until, args=(over,)) for client in clients]
    for thread in threads:
        thread.start()
    try:
        _wait_for_answers(clients, CLIENTS)
        old.begin_to_stop()
        time.sleep(1)
        assert old.is_healthy(), "it takes requests on until the gateways have noticed"
        code = old.wait_until_stopped()
        so_far = sum(len(client.answers) for client in clients)
        _wait_for_answers(clients, so_far + CLIENTS)
    finally:
        over.set()
        for thread in threads:
            thread.join()
    assert [client.failures for client in clients] == [[]] * CLIENTS
    assert code == 0
    assert old.stop_seconds is not None
    assert old.stop_seconds >= int(old.definition["command"][0])
    assert new.is_healthy()


def test_one_that_has_stopped_is_not_healthy(tasks: tuple[Task, Task]):
    old, _ = tasks
    assert old.process.poll() is not None
    assert not old.is_healthy()


def _wait_for_answers(clients: list[Client], least: int) -> None:
    deadline = time.monotonic() + 120
    while sum(len(client.answers) for client in clients) < least:
        assert time.monotonic() < deadline
        time.sleep(0.1)
