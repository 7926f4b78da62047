"""What Prometheus and the access log say about requests, by endpoint and mode, with bounded labels."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import pytest
from prometheus_client.parser import text_string_to_metric_families

from moorage_serving.gateway.telemetry.conventions import OPERATIONS

from .exposition import scrape, total
from .processes import chat, eventually

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
    where = {"endpoint": path, "model": "moored", "upstream": "tcp", "tenant": "tests"}
    operation = {"gen_ai_operation_name": OPERATIONS[path], "gen_ai_request_model": "moored"}
    at_vllm = {"model_name": "moored", "engine": "gateway"}
    expected = [
        ("moorage_gateway_requests_total", {**where, "status": "200", "outcome": "completed"}, 1),
        ("moorage_gateway_tokens_total", {"kind": "prompt", "tenant": "tests", "model": "moored"}, 7),
        ("gen_ai_client_token_usage_sum", {**operation, "gen_ai_token_type": "input"}, 7),
        ("gen_ai_server_request_duration_seconds_count", {**operation, "upstream": "tcp"}, 1),
        ("gen_ai_server_time_to_first_token_seconds_count", {**operation, "upstream": "tcp"}, int(stream)),
        ("gen_ai_server_time_per_output_token_seconds_count", {**operation, "upstream": "tcp"}, int(stream)),
        ("vllm:time_to_first_token_seconds_count", at_vllm, int(stream)),
        ("vllm:e2e_request_latency_seconds_count", at_vllm, 1),
        ("vllm:prompt_tokens_total", at_vllm, 7),
    ]
    before = scrape(gateway)
    gateway.client.post(path, json={"model": "moored", "stream": stream, **ENDPOINTS[path]})
    after = scrape(gateway)
    for name, labels, growth in expected:
        assert total(after, name, **labels) - total(before, name, **labels) == growth, name


def test_completion_tokens_are_counted(gateway: Gateway) -> None:
    before = gateway.metric("tokens_total", kind="completion", tenant="tests")
    gateway.client.post(CHAT, json=chat(stream=True, tokens=11))
    assert gateway.metric("tokens_total", kind="completion", tenant="tests") == before + 11


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
    ids = [f"one-{number}" for number in range(10)]
    for request_id in [*ids, "after-them"]:
        gateway.client.post(CHAT, json=chat(), headers={"x-request-id": request_id})
    gateway.access_line("after-them")
    told = [line["request_id"] for line in gateway.events("request")]
    assert [request_id for request_id in told if request_id in ids] == ids


def test_ready_says_which_engine_is_not(gateway: Gateway) -> None:
    def problems_of_the_others() -> dict[str, str] | None:
        report = gateway.client.get("/ready", headers={"authorization": ""})
        assert report.status_code == 200
        problems = {upstream["name"]: upstream["problem"] for upstream in report.json()["upstreams"]}
        return problems if problems["tcp"] is problems["uds"] is None else None

    # A probe has two seconds, which a busy machine can take for itself.
    problems = eventually(problems_of_the_others)
    for name in ("dead", "no-host", "no-port", "no-socket"):
        assert problems[name].startswith("unreachable")
