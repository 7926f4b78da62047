"""Which headers cross the gateway, in both directions."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from .conftest import TOKEN
from .processes import KEY, chat

if TYPE_CHECKING:
    from .processes import Gateway, RunningEngine

CHAT = "/v1/chat/completions"


def test_a_sane_request_id_is_kept_and_passed_on(gateway: Gateway, engine: RunningEngine) -> None:
    answer = gateway.client.post(CHAT, json=chat(), headers={"x-request-id": "trace.me:1_a-B"})
    assert answer.headers["x-request-id"] == "trace.me:1_a-B"
    assert engine.fake.received[-1].headers["x-request-id"] == "trace.me:1_a-B"


@pytest.mark.parametrize("given", ["", "has space", "x" * 129, 'quote"', "new;semi"])
def test_an_odd_request_id_is_replaced(gateway: Gateway, engine: RunningEngine, given: str) -> None:
    answer = gateway.client.post(CHAT, json=chat(), headers={"x-request-id": given})
    assert re.fullmatch("[0-9a-f]{32}", answer.headers["x-request-id"])
    assert engine.fake.received[-1].headers["x-request-id"] == answer.headers["x-request-id"]


@pytest.mark.parametrize("path", ["/health", "/ready", "/metrics", "/v1/models", "/nothing"])
def test_every_answer_has_a_request_id(gateway: Gateway, path: str) -> None:
    assert gateway.client.get(path, headers={"x-request-id": "mine"}).headers["x-request-id"] == "mine"


def test_the_clients_key_stays_at_the_gateway(gateway: Gateway, engine: RunningEngine) -> None:
    headers = {"cookie": "a=b", "x-api-key": KEY, "x-forwarded-for": "1.2.3.4"}
    gateway.client.post(CHAT, json=chat(), headers=headers)
    received = engine.fake.received[-1].headers
    assert not {"authorization", *headers} & set(received)
    assert KEY not in str(received)


def test_the_engines_own_token_comes_from_the_environment(gateway: Gateway, engine: RunningEngine) -> None:
    gateway.client.post(CHAT, json=chat(model="with-token"))
    assert engine.fake.received[-1].headers["authorization"] == f"Bearer {TOKEN}"


def test_traces_go_on_through_the_gateway(gateway: Gateway, engine: RunningEngine) -> None:
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    gateway.client.post(CHAT, json=chat(), headers={"traceparent": trace, "tracestate": "a=1"})
    received = engine.fake.received[-1].headers
    assert (received["traceparent"], received["tracestate"]) == (trace, "a=1")


def test_the_engine_is_asked_for_plain_bytes(gateway: Gateway, engine: RunningEngine) -> None:
    gateway.client.post(CHAT, json=chat(), headers={"accept-encoding": "gzip, br"})
    assert engine.fake.received[-1].headers["accept-encoding"] == "identity"
