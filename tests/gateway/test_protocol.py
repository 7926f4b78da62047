"""An answer's head leaves with the first bytes of its body; who serves a request is told that its client has left."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
import uvicorn
from uvicorn.server import ServerState

from moorage_serving.gateway.protocol import AnswerTransport, GatewayProtocol, on_departure

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

pytestmark = pytest.mark.anyio


class Recorder:
    """An asyncio transport that remembers each system call it would have made."""

    def __init__(self) -> None:
        self.writes: list[bytes] = []
        self.closed = False
        self.reads = True

    def get_extra_info(self, _name: str) -> None:
        return None

    def pause_reading(self) -> None:
        self.reads = False

    def resume_reading(self) -> None:
        self.reads = True

    def write(self, data: bytes) -> None:
        self.writes.append(data)

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


@pytest.fixture
def transport(recorder: Recorder) -> AnswerTransport:
    return AnswerTransport(recorder)  # pyright: ignore[reportArgumentType]


def test_head_and_first_bytes_are_one_write(transport: AnswerTransport, recorder: Recorder):
    for piece in (b"head ", b"first ", b"second"):
        transport.write(piece)
    assert recorder.writes == [b"head first ", b"second"]


def test_nothing_is_written_before_there_is_a_body(transport: AnswerTransport, recorder: Recorder):
    transport.write(b"head")
    assert recorder.writes == []


def test_an_empty_body_sends_the_head(transport: AnswerTransport, recorder: Recorder):
    transport.write(b"head")
    transport.write(b"")
    assert recorder.writes == [b"head"]


def test_closing_sends_a_head_that_waits(transport: AnswerTransport, recorder: Recorder):
    transport.write(b"head")
    transport.close()
    assert recorder.writes == [b"head"]
    assert recorder.closed


async def test_who_has_read_a_large_body_is_still_told_that_the_client_leaves(recorder: Recorder):
    departed = asyncio.Event()

    async def application(scope: Scope, receive: Receive, _: Send) -> None:
        while (await receive())["more_body"]:
            pass
        on_departure(scope).add(departed.set)
        await departed.wait()

    config = uvicorn.Config(application, http=GatewayProtocol, log_config=None)
    config.load()
    state = ServerState()
    protocol = GatewayProtocol(config, state, {})
    protocol.connection_made(recorder)  # pyright: ignore[reportArgumentType]
    protocol.data_received(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 100000\r\n\r\n")
    await asyncio.sleep(0)
    protocol.data_received(bytes(100_000))  # so much that uvicorn pauses reading until somebody asks for more
    assert recorder.reads
    (task,) = state.tasks
    await asyncio.sleep(0)
    protocol.connection_lost(None)
    await asyncio.wait_for(task, 30)
