"""An engine that is not up is started by the first request, which waits for it."""

from __future__ import annotations

import json
import signal
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from .processes import PATIENCE_SECONDS, Gateway, chat, document, eventually, upstream

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from .processes import EngineRoom

CHAT = "/v1/chat/completions"
LONG_WAIT = {"x-request-deadline-ms": "60000"}


class Hook:
    """What starts the engine: remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        hook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                hook.asked.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
                self.send_response(202)
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
                del format, args

        self._server = HTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def hook() -> Iterator[Hook]:
    hook = Hook()
    yield hook
    hook.close()


@pytest.fixture
def sleeping(config_path: Path, tmp_path: Path, hook: Hook) -> Iterator[Gateway]:
    """A gateway whose engine is not there."""
    engine = upstream("lazy", f"unix://{tmp_path}/engine", activation={"address": hook.address})
    config_path.write_text(json.dumps(document(engine)))
    with Gateway(config_path) as gateway:
        yield gateway


@pytest.mark.parametrize("stream", [True, False])
def test_the_first_request_starts_the_engine_and_is_answered(
    sleeping: Gateway, hook: Hook, engine_room: EngineRoom, tmp_path: Path, *, stream: bool
) -> None:
    answers: list[Any] = []

    def ask() -> None:
        answers.append(sleeping.client.post(CHAT, json=chat(stream=stream), headers=LONG_WAIT))

    client = threading.Thread(target=ask)
    client.start()
    eventually(lambda: hook.asked == [{"upstream": "lazy"}] or len(hook.asked) > 1)
    assert sleeping.metric("demand_requests", model="moored") == 1
    with engine_room.engine(path=tmp_path / "engine"):
        client.join(PATIENCE_SECONDS)
        assert [answer.status_code for answer in answers] == [200]
    eventually(lambda: sleeping.metric("activation_calls_total", upstream="lazy", result="accepted") >= 1)
    assert sleeping.metric("demand_requests", model="moored") == 0


def test_without_a_hook_the_first_request_waits_until_the_demand_has_brought_an_engine(
    config_path: Path, engine_room: EngineRoom, tmp_path: Path
) -> None:
    engine = upstream("lazy", f"unix://{tmp_path}/engine", activation={})
    config_path.write_text(json.dumps(document(engine)))
    answers: list[Any] = []
    with Gateway(config_path) as gateway:

        def ask() -> None:
            answers.append(gateway.client.post(CHAT, json=chat(), headers=LONG_WAIT))

        client = threading.Thread(target=ask)
        client.start()
        eventually(lambda: gateway.metric("demand_requests", model="moored") == 1)
        assert gateway.client.get("/ready").status_code == 200
        with engine_room.engine(path=tmp_path / "engine"):
            client.join(PATIENCE_SECONDS)
        assert [answer.status_code for answer in answers] == [200]
        assert gateway.metric("demand_requests", model="moored") == 0


def test_a_request_that_waits_goes_to_the_engine_that_a_reload_names(
    sleeping: Gateway, hook: Hook, engine_room: EngineRoom, tmp_path: Path
) -> None:
    answers: list[Any] = []

    def ask() -> None:
        answers.append(sleeping.client.post(CHAT, json=chat(), headers=LONG_WAIT))

    client = threading.Thread(target=ask)
    client.start()
    eventually(lambda: hook.asked)
    other = upstream("other", f"unix://{tmp_path}/other", activation={"address": hook.address})
    sleeping.write_config(document(other))
    sleeping.signal(signal.SIGHUP)
    eventually(lambda: {"upstream": "other"} in hook.asked)
    with engine_room.engine(path=tmp_path / "other"):
        client.join(PATIENCE_SECONDS)
        assert [answer.status_code for answer in answers] == [200]
    assert sleeping.metric("requests_total", upstream="other") == 1


def test_the_gateway_is_ready_while_its_engine_can_be_started(sleeping: Gateway) -> None:
    answer = sleeping.client.get("/ready")
    assert answer.status_code == 200
    assert [upstream["ready"] for upstream in answer.json()["upstreams"]] == [False]


def test_an_engine_that_never_comes_is_a_503_at_the_deadline(sleeping: Gateway) -> None:
    answer = sleeping.client.post(CHAT, json=chat(), headers={"x-request-deadline-ms": "300"})
    assert answer.status_code == 503
    assert answer.json()["error"]["code"] == "deadline_exceeded"


@pytest.mark.long
def test_a_stream_that_waits_long_is_kept_awake_and_told_of_its_end(sleeping: Gateway) -> None:
    headers = {"x-request-deadline-ms": "6000"}
    with sleeping.client.stream("POST", CHAT, json=chat(stream=True), headers=headers) as answer:
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        content = b"".join(answer.iter_raw())
    assert answer.headers["x-request-id"]
    assert content.startswith(b": waiting for the engine\n\n")
    assert json.loads(content.split(b"data: ")[1])["error"]["code"] == "deadline_exceeded"
    assert sleeping.access_line(answer.headers["x-request-id"])["status"] == 503
