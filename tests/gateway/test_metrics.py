"""What Prometheus and the access log say about requests, by endpoint and mode, with bounded labels."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import pytest
from prometheus_client.parser import text_string_to_metric_families

from .processes import chat

if TYPE_CHECKING:
    from .processes import Gateway

CHAT = "/v1/chat/completions"
ENDPOINTS = {
    CHAT: {"messages": [{"role": "user", "content": "x"}]},
    "/v1/completions": {"prompt": "x"},
    "/v1/embeddings": {"input": "x"},
}


@pytest.mark.parametrize(
    ("path", "stream"),
    [(CHAT, True), (CHAT, False), ("/v1/completions", True), ("/v1/completions", False), ("/v1/embeddings", False)],
)
def test_every_endpoint_and_mode_is_measured(gateway: Gateway, path: str, *, stream: bool) -> None:
    where = {"endpoint": path, "model": "moored", "upstream": "tcp"}
    series = {
        "requests_total": {**where, "status": "200", "outcome": "completed"},
        "request_duration_seconds_count": where,
        "time_to_first_token_seconds_count": where,
        "tokens_total": {"kind": "prompt", "key_id": "tests", "model": "moored"},
    }
    expected = {"requests_total": 1, "request_duration_seconds_count": 1, "tokens_total": 7}
    before = {name: gateway.metric(name, **labels) for name, labels in series.items()}
    gateway.client.post(path, json={"model": "moored", "stream": stream, **ENDPOINTS[path]})
    grown = {name: gateway.metric(name, **labels) - before[name] for name, labels in series.items()}
    assert grown == {**expected, "time_to_first_token_seconds_count": int(stream)}


def test_completion_tokens_are_counted(gateway: Gateway) -> None:
    before = gateway.metric("tokens_total", kind="completion", key_id="tests")
    gateway.client.post(CHAT, json=chat(stream=True, tokens=11))
    assert gateway.metric("tokens_total", kind="completion", key_id="tests") == before + 11


def test_what_clients_invent_never_becomes_a_label(gateway: Gateway) -> None:
    invented = uuid.uuid4().hex
    gateway.client.post(CHAT, json=chat(model=invented))
    gateway.client.get(f"/v1/{invented}")
    gateway.client.request(invented.upper(), CHAT)
    gateway.client.post(CHAT, json=chat(), headers={"authorization": f"Bearer {invented}"})
    exposition = gateway.client.get("/metrics").text
    assert invented not in exposition.lower()


def test_the_exposition_is_valid(gateway: Gateway) -> None:
    answer = gateway.client.get("/metrics", headers={"authorization": ""})
    assert answer.status_code == 200
    families = list(text_string_to_metric_families(answer.text))
    assert all(family.documentation for family in families)
    assert {family.type for family in families if family.name.endswith("_seconds")} <= {"histogram", "gauge", "counter"}


def test_an_access_line_has_all_the_facts(gateway: Gateway) -> None:
    gateway.client.post(CHAT, json=chat(stream=True), headers={"x-request-id": "all-the-facts"})
    line = gateway.access_line("all-the-facts")
    facts = {
        "key_id": "tests",
        "endpoint": CHAT,
        "model": "moored",
        "upstream": "tcp",
        "status": 200,
        "outcome": "completed",
        "stream": True,
        "prompt_tokens": 7,
        "completion_tokens": 3,
    }
    assert facts.items() <= line.items()
    assert 0 < line["first_byte_seconds"] <= line["duration_seconds"]


def test_one_line_per_request(gateway: Gateway) -> None:
    before = len(gateway.events("request"))
    for number in range(10):
        gateway.client.post(CHAT, json=chat(), headers={"x-request-id": f"one-{number}"})
    gateway.access_line("one-9")
    assert len(gateway.events("request")) == before + 10


def test_ready_says_which_engine_is_not(gateway: Gateway) -> None:
    report = gateway.client.get("/ready", headers={"authorization": ""})
    assert report.status_code == 200
    problems = {upstream["name"]: upstream["problem"] for upstream in report.json()["upstreams"]}
    assert problems["tcp"] is problems["uds"] is None
    for name in ("dead", "no-host", "no-port", "no-socket"):
        assert problems[name].startswith("unreachable")
