"""A whole gateway before a cloud's endpoint, and clients that ask through it: the same for each cloud.

A room inherits these tests with a fixture `cloud`. Beside the cloud's endpoint, the gateway has a spare engine that it
speaks to over HTTP.
"""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

import openai
import pytest

from .processes import DEAD_ADDRESS, KEY, Gateway, chat, document, eventually, upstream
from .raw import connection, read_until, request_bytes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from .processes import EngineRoom, RunningEngine

CHAT = "/v1/chat/completions"


class Door(Protocol):
    """The cloud's front door."""

    invocations: int


@dataclass(frozen=True)
class Cloud:
    """An endpoint on this machine. `configured` is the gateway's upstream, which finds credentials in `environment`.

    `secrets` are those that must not be told to anybody; more can become known with every request.
    """

    door: Door
    engine: RunningEngine
    configured: dict[str, Any]
    environment: dict[str, str]
    secrets: Callable[[], list[str]]


@contextmanager
def serve(cloud: Cloud, config_path: Path, spare: RunningEngine) -> Iterator[Gateway]:
    """A gateway that logs all it can, with the cloud's endpoint before the spare engine."""
    config = document(cloud.configured, upstream("spare", spare.address), timeouts={"connect_seconds": 30})
    config_path.write_text(json.dumps(config))
    with Gateway(config_path, ("--log-level", "debug"), cloud.environment) as running:
        yield running


class CloudGatewayTests:
    """What clients get does not depend on where the engine is."""

    @pytest.fixture(scope="class")
    @classmethod
    def spare(cls, engine_room: EngineRoom) -> Iterator[RunningEngine]:
        with engine_room.engine() as running:
            yield running

    @pytest.fixture(scope="class")
    @classmethod
    def gateway(cls, cloud: Cloud, spare: RunningEngine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
        with serve(cloud, tmp_path_factory.mktemp("gateway") / "config.json", spare) as running:
            yield running

    @pytest.fixture(scope="class")
    @classmethod
    def client(cls, gateway: Gateway) -> Iterator[openai.OpenAI]:
        with openai.OpenAI(base_url=f"{gateway.url}/v1", api_key=KEY, max_retries=0) as opened:
            yield opened

    def test_openais_client_gets_documents(self, client: openai.OpenAI, cloud: Cloud) -> None:
        before = cloud.door.invocations
        messages: list[Any] = [{"role": "user", "content": "Where is the pier?"}]
        answer = client.chat.completions.create(model="moored", messages=messages)
        assert answer.choices[0].message.content == "Where is the pier? t1 t2"
        assert client.completions.create(model="moored", prompt="Once").choices[0].text == "Once t1 t2"
        embedded = client.embeddings.create(model="moored", input="Once", encoding_format="float")
        assert embedded.data[0].embedding == [0.5, 0.25]
        assert cloud.door.invocations == before + 3

    def test_openais_client_gets_streams(self, client: openai.OpenAI, cloud: Cloud) -> None:
        before = cloud.door.invocations
        messages: list[Any] = [{"role": "user", "content": "Where is the pier?"}]
        events = list(client.chat.completions.create(model="moored", messages=messages, stream=True))
        assert "".join(event.choices[0].delta.content or "" for event in events) == "Where is the pier? t1 t2"
        pieces = list(client.completions.create(model="moored", prompt="Once", stream=True))
        assert "".join(piece.choices[0].text for piece in pieces) == "Once t1 t2"
        assert cloud.door.invocations == before + 2

    def test_the_first_token_does_not_wait_for_the_last(self, gateway: Gateway) -> None:
        with connection(gateway) as sock:
            sock.sendall(request_bytes(chat("ahoy", stream=True, tokens=2, inter_token_seconds=3600)))
            assert b"ahoy" in read_until(sock, b"data: ")

    @pytest.mark.parametrize("stream", [False, True])
    def test_tokens_are_counted(self, gateway: Gateway, cloud: Cloud, *, stream: bool) -> None:
        before = [gateway.metric("tokens_total", kind=kind) for kind in ("prompt", "completion")]
        request_id = f"counted-{stream}"
        answer = gateway.client.post(CHAT, json=chat(stream=stream, tokens=5), headers={"x-request-id": request_id})
        assert answer.status_code == 200
        assert answer.headers["x-moorage-revision"] == "r1"
        line = gateway.access_line(request_id)
        assert (line["upstream"], line["outcome"]) == (cloud.configured["name"], "completed")
        assert (line["prompt_tokens"], line["completion_tokens"]) == (7, 5)
        after = [gateway.metric("tokens_total", kind=kind) for kind in ("prompt", "completion")]
        assert after == [before[0] + 7, before[1] + 5]

    @pytest.mark.parametrize("stream", [False, True])
    def test_an_engine_over_http_answers_when_the_clouds_model_fails(
        self, gateway: Gateway, cloud: Cloud, spare: RunningEngine, *, stream: bool
    ) -> None:
        before, failovers = spare.fake.counters.requests, gateway.metric("upstream_failovers_total", upstream="spare")
        cloud.engine.fake.program = {"status": 500}
        try:
            answer = gateway.client.post(CHAT, json=chat("help", stream=stream))
        finally:
            cloud.engine.fake.program = {}
        assert answer.status_code == 200
        assert "help" in answer.text
        assert spare.fake.counters.requests == before + 1
        assert gateway.metric("upstream_failovers_total", upstream="spare") == failovers + 1
        assert gateway.client.post(CHAT, json=chat()).status_code == 200
        assert spare.fake.counters.requests == before + 1, "one failure is no reason to leave the cloud"

    def test_an_error_of_the_model_about_the_request_is_the_clients(self, gateway: Gateway, cloud: Cloud) -> None:
        answer = gateway.client.post(CHAT, json=chat(status=400))
        assert answer.status_code == 400
        assert answer.json()["error"]["message"] == "as told"

    def test_a_stream_that_breaks_off_cannot_be_taken_for_complete(self, gateway: Gateway) -> None:
        answer = gateway.client.post(CHAT, json=chat(stream=True, fault="reset", tokens=2))
        assert answer.text.split("\n\n")[-2].startswith('data: {"error":')
        assert "[DONE]" not in answer.text

    @pytest.mark.parametrize(
        ("stream", "program"),
        [
            (True, {"tokens": 1000, "inter_token_seconds": 0.05}),
            (False, {"fault": "stall_before_headers"}),
        ],
        ids=["stream", "document"],
    )
    def test_a_client_that_leaves_frees_the_engine_and_the_connection(
        self, gateway: Gateway, cloud: Cloud, *, stream: bool, program: dict[str, Any]
    ) -> None:
        counters, name = cloud.engine.fake.counters, cloud.configured["name"]
        eventually(lambda: counters.running == 0)
        before = counters.aborted
        with connection(gateway) as sock:
            sock.sendall(request_bytes(chat(stream=stream, **program)))
            eventually(lambda: counters.running == 1)
            assert gateway.metric("upstream_connections", upstream=name, state="busy") == 1
        eventually(lambda: counters.aborted == before + 1)
        eventually(lambda: gateway.metric("upstream_connections", upstream=name, state="busy") == 0)
        eventually(lambda: gateway.metric("requests_in_flight") == 0)

    def test_it_is_ready(self, gateway: Gateway) -> None:
        def problems() -> list[str | None]:
            answer = gateway.client.get("/ready")
            assert answer.status_code == 200
            return [entry["problem"] for entry in answer.json()["upstreams"]]

        # A probe has two seconds, which a busy machine can take for itself.
        eventually(lambda: problems() == [None, None])

    def test_no_secret_is_told(self, gateway: Gateway, cloud: Cloud) -> None:
        assert gateway.client.post(CHAT, json=chat()).status_code == 200
        exposition = gateway.client.get("/metrics").text
        assert cloud.secrets()
        for secret in [*cloud.secrets(), KEY]:
            assert secret not in "".join(gateway.lines)
            assert secret not in exposition

    def test_credentials_that_are_refused_cost_no_answer(
        self, cloud: Cloud, spare: RunningEngine, config_path: Path, refused_environment: dict[str, str]
    ) -> None:
        refused = replace(cloud, environment=refused_environment)
        with serve(refused, config_path, spare) as gateway:
            answers = [gateway.client.post(CHAT, json=chat()) for _ in range(3)]
            assert {answer.status_code for answer in answers} == {200}
            eventually(lambda: gateway.events("upstream_down"))
            assert gateway.metric("upstream_failures_total", upstream=cloud.configured["name"]) > 0
            (problem,) = [e["problem"] for e in gateway.client.get("/ready").json()["upstreams"][:1]]
            assert problem is not None
            for secret in cloud.secrets():
                assert secret not in "".join(gateway.lines)
                assert secret not in problem

    def test_an_address_where_nobody_is_costs_no_answer(
        self, cloud: Cloud, spare: RunningEngine, config_path: Path
    ) -> None:
        gone = replace(cloud, configured={**cloud.configured, "address": DEAD_ADDRESS})
        with serve(gone, config_path, spare) as gateway:
            assert {gateway.client.post(CHAT, json=chat()).status_code for _ in range(3)} == {200}
