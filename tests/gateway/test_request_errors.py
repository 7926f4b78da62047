"""Every request that is wrong gets an OpenAI-shaped 4xx that says what is wrong, and never reaches an engine."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from .processes import chat
from .raw import connection, read_until, request_bytes

if TYPE_CHECKING:
    import httpx

    from .processes import Gateway, RunningEngine

CHAT = "/v1/chat/completions"


def error_of(answer: httpx.Response, status: int, code: str) -> dict[str, str]:
    assert answer.status_code == status
    error: dict[str, str] = answer.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert error["code"] == code
    assert answer.headers["x-request-id"]
    return error


@pytest.mark.parametrize("path", [CHAT, "/v1/completions", "/v1/embeddings"])
@pytest.mark.parametrize(
    "body", [b"", b"{", b'{"model":"moored",}', b"\xff\xfe", b'{"model":"\\ud800"}', b"NaN", b"[" * 100_000]
)
def test_malformed_json(gateway: Gateway, path: str, body: bytes) -> None:
    error_of(gateway.client.post(path, content=body), 400, "invalid_json")


@pytest.mark.parametrize("body", [b"[]", b'"model"', b"1", b"null", b"true"])
def test_json_that_is_no_object(gateway: Gateway, body: bytes) -> None:
    error_of(gateway.client.post(CHAT, content=body), 400, "invalid_json")


@pytest.mark.parametrize("model", [None, 1, "", [], {"a": 1}, True])
def test_a_model_that_is_no_name(gateway: Gateway, model: object) -> None:
    answer = gateway.client.post(CHAT, json={"model": model, "messages": []})
    assert error_of(answer, 400, "invalid_request")["param"] == "model"


@pytest.mark.parametrize("stream", ["true", 1, 0, [], {}])
def test_a_stream_flag_that_is_no_boolean(gateway: Gateway, stream: object) -> None:
    answer = gateway.client.post(CHAT, json={"model": "moored", "messages": [], "stream": stream})
    assert error_of(answer, 400, "invalid_request")["param"] == "stream"


def test_an_unknown_model_is_told_the_known_ones(gateway: Gateway) -> None:
    error = error_of(gateway.client.post(CHAT, json=chat(model="other")), 404, "model_not_found")
    assert error["message"].endswith("moored, moored-uds, limited, spare, dead, with-token, overflow")
    assert error["param"] == "model"


@pytest.mark.parametrize("authorization", [None, "", "Bearer", "Bearer wrong", "Basic a2V5", "key-of-the-tests"])
@pytest.mark.parametrize(("method", "path"), [("POST", CHAT), ("GET", "/v1/models")])
def test_a_missing_or_wrong_key(gateway: Gateway, method: str, path: str, authorization: str | None) -> None:
    request = gateway.client.build_request(method, path, json=chat())
    del request.headers["authorization"]
    if authorization is not None:
        request.headers["authorization"] = authorization
    answer = gateway.client.send(request)
    error_of(answer, 401, "invalid_api_key")
    assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("path", ["/", "/v1", "/v1/chat", "/v1/chat/completions/", "/v2/models", "/docs", "/%00"])
def test_an_unknown_route(gateway: Gateway, path: str) -> None:
    error_of(gateway.client.get(path), 404, "unknown_url")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", CHAT, "POST"),
        ("DELETE", "/v1/embeddings", "POST"),
        ("POST", "/v1/models", "GET"),
        ("PUT", "/ready", "GET"),
    ],
)
def test_a_wrong_method(gateway: Gateway, method: str, path: str, allowed: str) -> None:
    answer = gateway.client.request(method, path)
    error_of(answer, 405, "method_not_allowed")
    assert answer.headers["allow"] == allowed


def test_a_body_at_the_limit_is_served(gateway: Gateway) -> None:
    body = json.dumps(chat()).encode()
    assert gateway.client.post(CHAT, content=body + b" " * (100_000 - len(body))).status_code == 200


def test_a_body_that_announces_too_much_is_refused_before_it_is_sent(gateway: Gateway) -> None:
    with connection(gateway) as sock:
        sock.sendall(request_bytes(b"", content_length="100001"))
        assert read_until(sock, b"request_too_large").startswith(b"HTTP/1.1 413 ")


def test_a_body_that_turns_out_too_large_is_refused_before_its_end(gateway: Gateway) -> None:
    with connection(gateway) as sock:
        head = request_bytes(b"", transfer_encoding="chunked").replace(b"content-length: 0\r\n", b"")
        sock.sendall(head + b"".join(b"2710\r\n" + b"x" * 10_000 + b"\r\n" for _ in range(11)))
        assert read_until(sock, b"request_too_large").startswith(b"HTTP/1.1 413 ")


def test_a_client_that_sends_on_still_gets_its_413(gateway: Gateway) -> None:
    error_of(gateway.client.post(CHAT, content=b"x" * 5_000_000), 413, "request_too_large")


def test_no_wrong_request_reached_an_engine(gateway: Gateway, engine: RunningEngine) -> None:
    before = engine.fake.counters.requests
    gateway.client.post(CHAT, content=b"{")
    gateway.client.post(CHAT, json=chat(model="other"))
    gateway.client.post(CHAT, json=chat(), headers={"authorization": "Bearer wrong"})
    assert engine.fake.counters.requests == before


def test_probes_and_metrics_need_no_key(gateway: Gateway) -> None:
    for path in ("/health", "/ready", "/metrics"):
        assert gateway.client.get(path, headers={"authorization": ""}).status_code == 200
