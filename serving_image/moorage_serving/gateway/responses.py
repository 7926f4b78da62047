"""Writes answers as ASGI messages."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from starlette.types import Receive, Send

    from moorage_serving.gateway.errors import GatewayError

LINGER_SECONDS = 2.0
HeaderList = list[tuple[bytes, bytes]]
# Headers of an engine that say something about the connection to it, or that the gateway sets itself.
NOT_PASSED_ON = frozenset(
    {
        *(b"connection", b"keep-alive", b"proxy-authenticate", b"proxy-connection", b"te", b"trailer"),
        *(b"transfer-encoding", b"upgrade", b"date", b"server", b"set-cookie", b"x-request-id"),
    }
)
EVENT_STREAM = b"text/event-stream"
# Which weights answered: after a failover it can be others than those that were asked.
REVISION = b"x-moorage-revision"


def passed_on(headers: Iterable[tuple[bytes, bytes]]) -> HeaderList:
    """An engine's headers for the client."""
    return [(name, value) for name, value in ((n.lower(), v) for n, v in headers) if name not in NOT_PASSED_ON]


def header(headers: Iterable[tuple[bytes, bytes]], wanted: bytes) -> bytes | None:
    """The first value of a header; `headers` has lower-case names."""
    for name, value in headers:
        if name == wanted:
            return value
    return None


def is_event_stream(headers: Iterable[tuple[bytes, bytes]]) -> bool:
    """Whether an answer with these headers, whose names are lower-case, is a stream of server-sent events."""
    return (header(headers, b"content-type") or b"").lower().startswith(EVENT_STREAM)


def error_event(error: GatewayError) -> bytes:
    """An error as the last event of a stream."""
    return b"data: " + error.body() + b"\n\n"


async def send_error(error: GatewayError, send: Send) -> None:
    """A whole error answer."""
    await _start_error(error, send)
    await send({"type": "http.response.body", "body": error.body(), "more_body": False})


async def send_error_and_linger(error: GatewayError, receive: Receive, send: Send) -> None:
    """An error answer to a request whose body is still coming; the connection closes after it.

    A connection that is closed with unread bytes is reset, and the reset can overtake the answer. So what still comes
    is thrown away for up to two seconds.
    """
    await _start_error(error, send, (b"connection", b"close"))
    await send({"type": "http.response.body", "body": error.body(), "more_body": True})
    try:
        async with asyncio.timeout(LINGER_SECONDS):
            while (await receive()).get("more_body", False):
                pass
    except TimeoutError:
        pass
    await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _start_error(error: GatewayError, send: Send, *extra: tuple[bytes, bytes]) -> None:
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", b"%d" % len(error.body())),
        *error.headers,
        *extra,
    ]
    await send({"type": "http.response.start", "status": error.status, "headers": headers})
