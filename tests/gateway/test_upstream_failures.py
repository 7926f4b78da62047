"""When engines fail: another one before the first byte, an end that cannot be overlooked after it."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import httpx
import pytest

from .processes import Gateway, chat, document, eventually, upstream
from .raw import connection, read_to_close, request_bytes

if TYPE_CHECKING:
    from pathlib import Path

    from .processes import EngineRoom, RunningEngine

CHAT = "/v1/chat/completions"
BREAKS = ["reset", "truncate"]


@pytest.mark.parametrize("stream", [True, False])
def test_an_unreachable_engine_is_a_503_that_says_when_to_come_back(gateway: Gateway, *, stream: bool) -> None:
    answer = gateway.client.post(CHAT, json=chat(model="dead", stream=stream))
    assert answer.status_code == 503
    assert answer.json()["error"]["code"] == "upstream_unreachable"
    assert int(answer.headers["retry-after"]) >= 1


@pytest.mark.parametrize("stream", [True, False])
def test_the_next_engine_takes_over_when_one_cannot_be_reached(gateway: Gateway, *, stream: bool) -> None:
    headers = {"x-request-id": f"spare-{stream}"}
    answer = gateway.client.post(CHAT, json=chat("my words", model="spare", stream=stream), headers=headers)
    assert answer.status_code == 200
    assert b"my words" in answer.content
    assert gateway.access_line(f"spare-{stream}")["upstream"] == "alive"


@pytest.mark.parametrize("fault", ["reset_before_headers", "malformed_headers"])
@pytest.mark.parametrize("stream", [True, False])
def test_an_engine_that_breaks_off_before_its_answer_is_a_502(gateway: Gateway, fault: str, *, stream: bool) -> None:
    answer = gateway.client.post(CHAT, json=chat(stream=stream, fault=fault))
    assert answer.status_code == 502
    assert answer.json()["error"]["code"] == "upstream_failed"


def test_a_request_that_an_engine_may_have_begun_is_not_given_to_another(
    gateway: Gateway, engine: RunningEngine
) -> None:
    before = engine.fake.counters.requests
    body = chat(model="spare", fault="reset_before_headers", time_to_first_token_seconds=0.4)
    assert gateway.client.post(CHAT, json=body).status_code == 502
    assert engine.fake.counters.requests == before + 1


@pytest.mark.parametrize("fault", BREAKS)
@pytest.mark.parametrize("include_usage", [True, False])
def test_a_stream_that_breaks_off_ends_with_an_error_event(
    gateway: Gateway, engine: RunningEngine, fault: str, *, include_usage: bool
) -> None:
    before = engine.fake.counters.requests
    body = {**chat(stream=True, fault=fault, tokens=2), "stream_options": {"include_usage": include_usage}}
    answer = gateway.client.post(CHAT, json=body)
    *events, error, rest = answer.content.split(b"\n\n")
    assert answer.status_code == 200
    assert len(events) == 2
    assert error.startswith(b'data: {"error":')
    assert b"upstream_failed" in error
    assert rest == b""
    assert engine.fake.counters.requests == before + 1


def test_a_stream_that_turns_into_nonsense_ends_with_an_error_event(config_path: Path, engine: RunningEngine) -> None:
    # Nonsense in a body is silence to its reader (aiohttp 3.14.5).
    config_path.write_text(json.dumps(document(upstream("tcp", engine.address), timeouts={"idle_seconds": 1})))
    with Gateway(config_path) as gateway:
        answer = gateway.client.post(CHAT, json=chat(stream=True, fault="malformed_chunk", inter_token_seconds=0.05))
    assert answer.content.split(b"\n\n")[-2].startswith(b'data: {"error":')


@pytest.mark.parametrize("fault", ["reset", "truncate"])
def test_a_document_that_breaks_off_does_not_look_complete(gateway: Gateway, fault: str) -> None:
    with pytest.raises(httpx.RemoteProtocolError):
        gateway.client.post(CHAT, json=chat(fault=fault))


def test_a_document_that_breaks_off_closes_the_connection(gateway: Gateway) -> None:
    with connection(gateway) as sock:
        sock.sendall(request_bytes(chat(fault="truncate"), x_request_id="cut-document"))
        assert read_to_close(sock).startswith(b"HTTP/1.1 200 OK")
    assert gateway.access_line("cut-document")["outcome"] == "upstream_failed"


def test_more_requests_than_an_engine_may_get_wait_for_their_turn(gateway: Gateway, engine: RunningEngine) -> None:
    body = chat(model="limited", stream=True, tokens=100, inter_token_seconds=0.1)
    with connection(gateway) as first, connection(gateway) as second:
        for sock in (first, second):
            sock.sendall(request_bytes(body))
            assert sock.recv(1)
        answer = gateway.client.post(CHAT, json=body, headers={"x-request-deadline-ms": "100"})
        assert answer.status_code == 503
        assert answer.json()["error"]["code"] == "deadline_exceeded"
        assert int(answer.headers["retry-after"]) >= 1
    eventually(lambda: engine.fake.counters.running == 0)
    eventually(lambda: gateway.client.post(CHAT, json=chat(model="limited")).status_code == 200)


def test_the_next_engine_takes_what_a_full_one_cannot(gateway: Gateway, engine: RunningEngine) -> None:
    body = chat(model="overflow", stream=True, tokens=100, inter_token_seconds=0.1)
    with connection(gateway) as sock:
        sock.sendall(request_bytes(body))
        assert sock.recv(1)
        answer = gateway.client.post(CHAT, json=chat(model="overflow"), headers={"x-request-id": "overflowed"})
        assert answer.status_code == 200
        assert gateway.access_line("overflowed")["upstream"] == "more"
    eventually(lambda: engine.fake.counters.running == 0)


def test_an_engine_that_closed_an_idle_connection_is_asked_again(
    gateway: Gateway, engine: RunningEngine, engine_room: EngineRoom
) -> None:
    for _ in range(20):
        assert gateway.client.post(CHAT, json=chat()).status_code == 200
        engine_room.run(engine.fake.close_idle_connections())
        assert gateway.client.post(CHAT, json=chat()).status_code == 200


def test_every_answer_belongs_to_its_request(gateway: Gateway) -> None:
    def ask(number: int) -> None:
        nonce = f"nonce-{number}-nonce"
        stream = number % 2 == 0
        model = ("moored", "moored-uds", "spare")[number % 3]
        program = {
            "tokens": 1 + number % 4,
            "time_to_first_token_seconds": (number % 7) / 100,
            "write_bytes": number % 5,
        }
        answer = gateway.client.post(CHAT, json=chat(nonce, model=model, stream=stream, **program))
        assert answer.status_code == 200
        assert answer.text.count("nonce-") == 1
        assert nonce in answer.text

    with ThreadPoolExecutor(24) as pool:
        list(pool.map(ask, range(300)))
