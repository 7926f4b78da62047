"""What a client sees whose stream has to wait, before the answer and of the answer."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from moorage_serving.gateway import errors
from moorage_serving.gateway.activation.keep_awake import COMMENT, KeepAwake, as_event
from moorage_serving.gateway.responses import send_error

if TYPE_CHECKING:
    from starlette.types import Message

pytestmark = pytest.mark.anyio
NEVER, AT_ONCE = 3600.0, 0.0
REQUEST_ID = (b"x-request-id", b"r1")
STREAM_START = {
    "type": "http.response.start",
    "status": 200,
    "headers": [(b"content-type", b"text/event-stream; charset=utf-8"), (b"x-moorage-revision", b"1")],
}
PIECES = [b'data: {"choices": []}\n\n', b"data: [DONE]\n\n"]


class Client:
    """What has been sent, message by message."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.something = asyncio.Event()

    async def __call__(self, message: Message) -> None:
        self.messages.append(message)
        if message["type"] == "http.response.body":
            self.something.set()

    @property
    def starts(self) -> list[Message]:
        return [message for message in self.messages if message["type"] == "http.response.start"]

    @property
    def body(self) -> bytes:
        return b"".join(message.get("body", b"") for message in self.messages)

    @property
    def is_complete(self) -> bool:
        return not self.messages[-1].get("more_body", True)


async def waited(client: Client, *, comment_seconds: float = NEVER) -> KeepAwake:
    """A client that has waited for its first comment."""
    send = KeepAwake(client, [REQUEST_ID], first_comment_seconds=AT_ONCE, comment_seconds=comment_seconds)
    send.arm()
    async with asyncio.timeout(10):
        await client.something.wait()
    return send


async def answer_stream(send: KeepAwake) -> None:
    await send({**STREAM_START})
    for piece in PIECES:
        await send({"type": "http.response.body", "body": piece, "more_body": True})
    await send({"type": "http.response.body", "body": b"", "more_body": False})


async def test_who_waits_long_gets_the_headers_of_a_stream_and_a_comment():
    client = Client()
    send = await waited(client)
    (start,) = client.starts
    assert start["status"] == 200
    assert (b"content-type", b"text/event-stream") in start["headers"]
    assert REQUEST_ID in start["headers"]
    assert client.body == COMMENT
    await send.disarm()


async def test_the_comments_go_on():
    client = Client()
    send = await waited(client, comment_seconds=0.01)
    async with asyncio.timeout(10):
        for comments in (2, 3):
            client.something.clear()
            await client.something.wait()
            assert client.body == comments * COMMENT
    await send.disarm()
    assert len(client.starts) == 1


async def test_the_stream_follows_without_a_second_start():
    client = Client()
    await answer_stream(await waited(client))
    assert len(client.starts) == 1
    assert client.body == COMMENT + b"".join(PIECES)
    assert client.is_complete


async def test_no_comment_comes_once_the_answer_has_begun():
    client = Client()
    send = await waited(client, comment_seconds=0.01)
    await send({**STREAM_START})
    said = client.body
    await asyncio.sleep(0.05)
    assert client.body == said


async def test_who_waits_briefly_sees_the_answer_alone():
    client = Client()
    send = KeepAwake(client, [REQUEST_ID], first_comment_seconds=NEVER)
    send.arm()
    await answer_stream(send)
    assert client.starts == [STREAM_START]
    assert client.body == b"".join(PIECES)


async def test_an_error_after_a_short_wait_is_an_ordinary_answer():
    client = Client()
    send = KeepAwake(client, [REQUEST_ID], first_comment_seconds=NEVER)
    send.arm()
    await send_error(errors.upstream_unreachable(), send)
    assert client.starts[0]["status"] == 503
    assert client.body == errors.upstream_unreachable().body()


async def test_an_error_after_a_long_wait_is_an_event():
    client = Client()
    await send_error(errors.upstream_unreachable(), await waited(client))
    assert len(client.starts) == 1
    assert client.body == COMMENT + b"data: " + errors.upstream_unreachable().body() + b"\n\n"
    assert client.is_complete


async def test_an_engines_own_error_is_an_event_of_one_line():
    client = Client()
    send = await waited(client)
    await send({"type": "http.response.start", "status": 400, "headers": [(b"content-type", b"application/json")]})
    for piece, more in ((b'{\n "error": {"message":', True), (b' "too long"}\n}', False)):
        await send({"type": "http.response.body", "body": piece, "more_body": more})
    assert client.body == COMMENT + b'data: {"error":{"message":"too long"}}\n\n'
    assert client.is_complete


async def test_an_answer_that_is_no_stream_is_told_as_a_failure():
    client = Client()
    send = await waited(client)
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]})
    await send({"type": "http.response.body", "body": b'{"object": "chat.completion"}'})
    event = client.body.removeprefix(COMMENT).removeprefix(b"data: ")
    assert orjson.loads(event)["error"]["code"] == "upstream_failed"
    assert client.is_complete


async def test_a_client_that_left_gets_nothing_more():
    client = Client()
    send = KeepAwake(client, [REQUEST_ID], first_comment_seconds=0.01)
    send.arm()
    await send.disarm()
    await asyncio.sleep(0.05)
    assert client.messages == []


@given(st.binary() | st.dictionaries(st.text(), st.text() | st.none()).map(orjson.dumps))
def test_whatever_was_answered_is_one_event_with_an_error(body: bytes):
    event = as_event(body)
    assert event.startswith(b"data: ")
    assert event.endswith(b"\n\n")
    assert event.count(b"\n") == 2
    assert "error" in orjson.loads(event.removeprefix(b"data: "))
