"""Requests reach the engine's OpenAI path, and its bytes come back, in one piece or as they are made."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from moorage_serving.gateway.config.serving import Timeouts
from moorage_serving.gateway.config.upstreams import SageMakerUpstreamConfig
from moorage_serving.gateway.upstream.connections import BrokenError
from moorage_serving.gateway.upstream.sagemaker import SageMakerTransport, public_address
from tests.gateway.cloud_connections import CloudConnectionTests
from tests.gateway.transports import CHAT, HEADERS, chat, eventually, read_all

from . import event_stream
from .front_door import ENDPOINT, MAX_BODY_BYTES, REGION

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.gateway.fake_engine import FakeEngine

    from .front_door import FrontDoor

    Engine = tuple[FakeEngine, str]
    Door = tuple[FrontDoor, str]

pytestmark = pytest.mark.anyio


async def test_a_document_is_the_engines(transport: SageMakerTransport, engine: Engine, front_door: Door) -> None:
    answer = await transport.send(CHAT, chat("ahoy"), HEADERS)
    assert (answer.status, dict(answer.headers)[b"content-type"]) == (200, b"application/json")
    assert await read_all(answer) == engine[0].answers[-1]
    assert front_door[0].received[-1].path == f"/endpoints/{ENDPOINT}/invocations"


async def test_a_stream_is_the_engines(transport: SageMakerTransport, engine: Engine, front_door: Door) -> None:
    answer = await transport.send(CHAT, chat("ahoy", stream=True, tokens=50, write_bytes=17), HEADERS)
    assert (answer.status, dict(answer.headers)[b"content-type"]) == (200, b"text/event-stream; charset=utf-8")
    assert await read_all(answer) == engine[0].answers[-1]
    assert front_door[0].received[-1].path == f"/endpoints/{ENDPOINT}/invocations-response-stream"


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/completions", b'{"model":"moored","prompt":"p","stream":false}'),
        ("/v1/embeddings", b'{"model":"moored","input":"\\"stream\\": true"}'),
        (CHAT, b'{"model":"moored","messages":[{"role":"user","content":"\\"stream\\":true"}]}'),
    ],
)
async def test_the_container_is_told_the_path(
    transport: SageMakerTransport, engine: Engine, front_door: Door, path: str, body: bytes
) -> None:
    answer = await transport.send(path, body, HEADERS)
    assert await read_all(answer) == engine[0].answers[-1]
    assert engine[0].received[-1].path == path
    assert engine[0].received[-1].body == body
    assert front_door[0].received[-1].headers["x-amzn-sagemaker-custom-attributes"] == f"route={path}"


class TestConnections(CloudConnectionTests):
    """As to every cloud."""


@pytest.mark.parametrize("fault", ["reset", "truncate"])
async def test_an_engine_that_breaks_off_breaks_the_stream(transport: SageMakerTransport, fault: str) -> None:
    answer = await transport.send(CHAT, chat(stream=True, fault=fault), HEADERS)
    with pytest.raises(BrokenError, match="ModelStreamError"):
        await read_all(answer)
    await eventually(lambda: transport.busy_connections == 0)


@pytest.mark.parametrize(
    "failure",
    [
        event_stream.exception("InternalStreamFailure", Message="unknown"),
        event_stream.exception("ModelStreamError", Message="too long", ErrorCode="ModelInvocationTimeExceeded"),
    ],
    ids=["InternalStreamFailure", "ModelStreamError"],
)
@pytest.mark.parametrize("parts", [0, 2])
async def test_sagemakers_own_failures_break_the_stream(
    transport: SageMakerTransport, front_door: Door, failure: bytes, parts: int
) -> None:
    front_door[0].fail_after_parts, front_door[0].max_part_bytes = (parts, failure), 40
    answer = await transport.send(CHAT, chat(stream=True), HEADERS)
    received, broken_by = b"", ""
    try:
        while chunk := await answer.read():
            received += chunk
    except BrokenError as error:
        broken_by = str(error)
    finally:
        answer.close()
    assert broken_by in {"InternalStreamFailure", "ModelStreamError"}
    assert len(received) == 40 * parts


def flipped(position: int) -> Callable[[bytes], bytes]:
    return lambda message: message[:position] + bytes([message[position] ^ 1]) + message[position + 1 :]


@pytest.mark.parametrize("position", [2, 9, 30, -6, -2], ids=["length", "prelude-crc", "header", "payload", "crc"])
async def test_a_corrupt_event_breaks_the_stream(
    transport: SageMakerTransport, front_door: Door, position: int
) -> None:
    front_door[0].mangle = lambda message: flipped(position % len(message))(message)
    answer = await transport.send(CHAT, chat(stream=True), HEADERS)
    with pytest.raises(BrokenError, match="ChecksumMismatch"):
        await answer.read()
    answer.close()
    await eventually(lambda: transport.busy_connections == 0)


async def test_the_inference_component_is_named(front_door: Door, engine: Engine) -> None:
    front_door[0].copies = {"adapter-one": 1}
    config = SageMakerUpstreamConfig(
        name="sagemaker",
        kind="sagemaker",
        model="moored",
        revision="r1",
        region=REGION,
        endpoint_name=ENDPOINT,
        inference_component="adapter-one",
        address=front_door[1],
    )
    transport = SageMakerTransport.from_config(config, Timeouts())
    assert await read_all(await transport.send(CHAT, chat(), HEADERS)) == engine[0].answers[-1]
    await transport.close()


async def test_a_body_beyond_the_apis_limit_is_not_sent(transport: SageMakerTransport, front_door: Door) -> None:
    padding = len(chat(""))
    allowed = await transport.send(CHAT, chat("x" * (MAX_BODY_BYTES - padding)), HEADERS)
    assert allowed.status == 200
    await read_all(allowed)
    refused = await transport.send(CHAT, chat("x" * (MAX_BODY_BYTES - padding + 1)), HEADERS)
    assert refused.status == 413
    assert b"6291456 bytes" in await read_all(refused)
    assert len(front_door[0].received) == 1


@pytest.mark.parametrize(
    ("region", "address"),
    [
        ("us-east-1", "https://runtime.sagemaker.us-east-1.amazonaws.com"),
        ("cn-north-1", "https://runtime.sagemaker.cn-north-1.amazonaws.com.cn"),
    ],
)
def test_the_public_address_is_that_of_the_region(region: str, address: str) -> None:
    assert public_address(region) == address
