"""Engines that are killed behind a real gateway, while clients ask."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

import pytest

from tests.gateway.processes import REPOSITORY, Gateway, chat, document, eventually, upstream

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CHAT = "/v1/chat/completions"


@contextmanager
def engine_process(port: int = 0) -> Iterator[tuple[subprocess.Popen[str], str]]:
    command = [sys.executable, str(REPOSITORY / "tests/gateway/fake_engine.py"), "--port", str(port)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process, process.stdout.readline().strip()
        finally:
            process.kill()


@pytest.fixture
def engines() -> Iterator[list[tuple[subprocess.Popen[str], str]]]:
    with ExitStack() as stack:
        yield [stack.enter_context(engine_process()) for _ in range(3)]


@pytest.fixture
def gateway(engines: list[tuple[subprocess.Popen[str], str]], tmp_path: Path) -> Iterator[Gateway]:
    path = tmp_path / "gateway.json"
    upstreams = [upstream(f"e{number}", address, pool="all") for number, (_, address) in enumerate(engines)]
    path.write_text(json.dumps(document(*upstreams)))
    with Gateway(path) as running:
        yield running


def test_no_document_is_lost_when_an_engine_is_killed_under_load(
    gateway: Gateway, engines: list[tuple[subprocess.Popen[str], str]]
) -> None:
    answered = threading.Semaphore(0)

    def ask(number: int) -> str:
        nonce = f"nonce-{number}-nonce"
        body = chat(nonce, time_to_first_token_seconds=0.02 * (number % 5))
        answer = gateway.client.post(CHAT, json=body)
        answered.release()
        return "" if answer.status_code == 200 and nonce in answer.text else f"{number}: {answer.text}"

    with ThreadPoolExecutor(16) as clients:
        asked = [clients.submit(ask, number) for number in range(400)]
        for _ in range(100):
            answered.acquire()
        engines[0][0].kill()
        failures = [failure for future in asked if (failure := future.result())]
    assert not failures
    eventually(lambda: gateway.metric("upstream_outstanding") == 0)


def test_a_stream_breaks_off_visibly_when_its_engine_is_killed_and_the_next_one_does_not(
    gateway: Gateway, engines: list[tuple[subprocess.Popen[str], str]]
) -> None:
    body = chat(stream=True, tokens=100, inter_token_seconds=0.1)
    headers = {"x-request-id": "cut"}
    with gateway.client.stream("POST", CHAT, json=body, headers=headers) as answer:
        pieces = answer.iter_raw()
        next(pieces)
        busy = next(n for n in range(3) if gateway.metric("upstream_outstanding", upstream=f"e{n}"))
        engines[busy][0].kill()
        assert b'data: {"error":' in b"".join(pieces).split(b"\n\n")[-2]
    for _ in range(10):
        assert gateway.client.post(CHAT, json=chat()).status_code == 200


@pytest.mark.long
def test_an_engine_that_hangs_is_found_by_its_health(
    gateway: Gateway, engines: list[tuple[subprocess.Popen[str], str]]
) -> None:
    hanging = engines[1][0]
    hanging.send_signal(signal.SIGSTOP)
    try:
        eventually(lambda: gateway.metric("upstream_endpoints_available", upstream="e1") == 0)
        for _ in range(20):
            assert gateway.client.post(CHAT, json=chat()).status_code == 200
    finally:
        hanging.send_signal(signal.SIGCONT)
    eventually(lambda: gateway.metric("upstream_endpoints_available", upstream="e1") == 1)
