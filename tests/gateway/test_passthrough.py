"""Answers are the engine's, byte for byte; only a usage event that nobody asked for is missing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from .processes import chat

if TYPE_CHECKING:
    from .processes import EngineRoom, Gateway, RunningEngine

PATHS = {"/v1/chat/completions": {"messages": [{"role": "user", "content": "é"}]}, "/v1/completions": {"prompt": "é"}}


@pytest.mark.parametrize("path", [*PATHS, "/v1/embeddings"])
def test_a_document_is_the_engines(gateway: Gateway, engine: RunningEngine, path: str) -> None:
    body = {"model": "moored", "input": "x", **PATHS.get(path, {})}
    answer = gateway.client.post(path, json=body)
    assert answer.status_code == 200
    assert answer.content == engine.fake.answers[-1]
    assert answer.headers["content-length"] == str(len(answer.content))


@pytest.mark.parametrize("write_bytes", [0, 1, 7, 100])
@pytest.mark.parametrize("path", PATHS)
def test_a_stream_with_usage_asked_for_is_the_engines(
    gateway: Gateway, engine: RunningEngine, path: str, write_bytes: int
) -> None:
    options = {"include_usage": True}
    program = {"write_bytes": write_bytes, "usage_null": True}
    body = {"model": "moored", "stream": True, "stream_options": options, "fake_engine": program, **PATHS[path]}
    answer = gateway.client.post(path, json=body)
    assert b'"usage":{' in answer.content
    assert answer.content == engine.fake.answers[-1]


@pytest.mark.parametrize("options", [None, {}, {"include_usage": False}, {"continuous_usage_stats": True}])
@pytest.mark.parametrize("write_bytes", [0, 1, 7])
def test_a_stream_without_usage_asked_for_lacks_just_the_usage_event(
    gateway: Gateway, engine: RunningEngine, options: dict[str, bool] | None, write_bytes: int
) -> None:
    body = {**chat(stream=True, write_bytes=write_bytes), "stream_options": options}
    answer = gateway.client.post("/v1/chat/completions", json=body)
    events = engine.fake.answers[-1].split(b"\n\n")
    assert sum(b'"usage":{' in event for event in events) == 1
    assert answer.content == b"\n\n".join(event for event in events if b'"usage":{' not in event)


def test_events_arrive_when_the_engine_sends_them(
    gateway: Gateway, engine: RunningEngine, engine_room: EngineRoom
) -> None:
    body = chat("the first", stream=True, tokens=3)
    with (
        engine_room.holding(engine.fake.may_go_on) as let_go,
        gateway.client.stream("POST", "/v1/chat/completions", json=body) as answer,
    ):
        events = answer.iter_raw()
        assert b"the first" in next(events)
        let_go()
        assert b"".join(events).endswith(b"data: [DONE]\n\n")


@pytest.mark.parametrize("status", [400, 404, 429, 500])
@pytest.mark.parametrize("stream", [True, False])
def test_an_engines_error_is_passed_on(gateway: Gateway, status: int, *, stream: bool) -> None:
    answer = gateway.client.post("/v1/chat/completions", json=chat(stream=stream, status=status))
    assert answer.status_code == status
    assert answer.json()["error"]["message"] == "as told"


def test_the_engine_gets_the_clients_own_bytes(gateway: Gateway, engine: RunningEngine) -> None:
    body = b' {"model" : "moored",\n "seed": 123456789012345678901234567890, "x": 1.10, "messages":[]} '
    assert gateway.client.post("/v1/chat/completions", content=body).status_code == 200
    assert engine.fake.received[-1].body == body


def test_usage_is_asked_for_without_touching_the_rest(gateway: Gateway, engine: RunningEngine) -> None:
    body = b' {"model" : "moored",\n "seed": 123456789012345678901234567890, "stream":true, "messages":[]} '
    assert gateway.client.post("/v1/chat/completions", content=body).status_code == 200
    received = engine.fake.received[-1]
    assert received.body.startswith(body.rstrip()[:-1])
    assert received.json()["stream_options"] == {"include_usage": True}
    assert received.json()["seed"] == 123456789012345678901234567890
