"""Requests reach the engine's OpenAI path, and its bytes come back, in one piece or as they are made."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest

from moorage_serving.gateway.config.serving import Timeouts
from moorage_serving.gateway.config.upstreams import VertexUpstreamConfig
from moorage_serving.gateway.upstream.connections import READ_ERRORS, BrokenError, ConnectError
from moorage_serving.gateway.upstream.vertex import VertexTransport
from tests.gateway.cloud_connections import CloudConnectionTests
from tests.gateway.transports import CHAT, HEADERS, chat, eventually, read_all

from .front_door import ENDPOINT_ID, INVOKE, MAX_BODY_BYTES, PROJECT, REGION

if TYPE_CHECKING:
    from tests.gateway.fake_engine import FakeEngine

    from .front_door import FrontDoor

    Engine = tuple[FakeEngine, str]
    Door = tuple[FrontDoor, str]

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("key_file")]


@pytest.mark.parametrize("stream", [False, True])
async def test_an_answer_is_the_engines(transport: VertexTransport, engine: Engine, *, stream: bool) -> None:
    answer = await transport.send(CHAT, chat("ahoy", stream=stream, tokens=50), HEADERS)
    expected = b"text/event-stream" if stream else b"application/json"
    assert answer.status == 200
    assert {name.lower(): value for name, value in answer.headers}[b"content-type"] == expected
    assert await read_all(answer) == engine[0].answers[-1]


@pytest.mark.parametrize("path", [CHAT, "/v1/completions", "/v1/embeddings"])
async def test_any_path_of_the_container_is_reached(
    transport: VertexTransport, engine: Engine, front_door: Door, path: str
) -> None:
    body = b'{"model":"moored","prompt":"p","input":"i","messages":[]}'
    await read_all(await transport.send(path, body, {**HEADERS, "x-request-id": "r-1"}))
    assert front_door[0].received[-1][1] == f"{INVOKE}{path}"
    assert (engine[0].received[-1].path, engine[0].received[-1].body) == (path, body)
    assert engine[0].received[-1].headers["x-request-id"] == "r-1"


async def test_the_endpoint_comes_from_the_configuration(front_door: Door, engine: Engine) -> None:
    config = VertexUpstreamConfig(
        name="vertex",
        kind="vertex",
        model="moored",
        revision="r1",
        address=front_door[1],
        project=PROJECT,
        region=REGION,
        endpoint_id=ENDPOINT_ID,
    )
    transport = VertexTransport.from_config(config, Timeouts())
    assert await read_all(await transport.send(CHAT, chat(), HEADERS)) == engine[0].answers[-1]
    await transport.close()


class TestConnections(CloudConnectionTests):
    """As to every cloud."""


@pytest.mark.parametrize("fault", ["reset", "truncate"])
async def test_an_engine_that_breaks_off_breaks_the_stream(transport: VertexTransport, fault: str) -> None:
    answer = await transport.send(CHAT, chat(stream=True, fault=fault), HEADERS)
    with pytest.raises((BrokenError, *READ_ERRORS)):
        await read_all(answer)
    await eventually(lambda: transport.busy_connections == 0)


async def test_a_body_beyond_the_limit_is_not_sent(transport: VertexTransport, front_door: Door) -> None:
    padding = len(chat(""))
    allowed = await transport.send(CHAT, chat("x" * (MAX_BODY_BYTES - padding)), HEADERS)
    assert allowed.status == 200
    await read_all(allowed)
    refused = await transport.send(CHAT, chat("x" * (MAX_BODY_BYTES - padding + 1)), HEADERS)
    assert refused.status == 413
    assert b"10485760 bytes" in await read_all(refused)
    assert len(front_door[0].received) == 1


async def test_a_front_door_that_is_not_there_is_no_answer(unused_address: str) -> None:
    transport = VertexTransport(address=unused_address, project=PROJECT, region=REGION, endpoint_id=ENDPOINT_ID)
    with pytest.raises(ConnectError, match="ClientConnectorError"):
        await transport.send(CHAT, chat(), HEADERS)
    assert await transport.probe(30) == "unreachable: ClientConnectorError"
    await transport.close()


async def test_a_probe_asks_the_engine(transport: VertexTransport, engine: Engine, front_door: Door) -> None:
    assert await transport.probe(30) is None
    assert front_door[0].received[-1][:2] == ("GET", f"{INVOKE}/health")
    engine[0].healthy = False
    assert await transport.probe(30) == "/health answered 500"
    front_door[0].allowed = False
    assert await transport.probe(30) == "/health answered 403"
    await eventually(lambda: transport.busy_connections == 0)


async def test_a_probe_does_not_wait_for_ever() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:  # takes connections, and says nothing
        address = f"http://127.0.0.1:{listener.getsockname()[1]}"
        silent = VertexTransport(address=address, project=PROJECT, region=REGION, endpoint_id=ENDPOINT_ID)
        assert await silent.probe(1) == "/health did not answer within 1 s"
        assert silent.busy_connections == 0
        await silent.close()
