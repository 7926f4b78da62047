"""What engines behind a cloud's own front door have in common: connections to it, and answers to what it refuses."""

from __future__ import annotations

from typing import TYPE_CHECKING

import aiohttp

from moorage_serving.gateway.upstream.connections import READ_ERRORS, BrokenError, HttpConnections

if TYPE_CHECKING:
    from aiohttp.client_reqrep import ClientResponse

    from moorage_serving.gateway.errors import GatewayError

# An error longer than this is no error document; engines repeat the wrong part of a request in theirs.
MAX_ERROR_BYTES = 1_048_576


class CompleteAnswer:
    """An answer whose body is there as a whole. Read like one that comes over a connection."""

    __slots__ = ("_unread", "headers", "status")

    def __init__(
        self,
        status: int,
        body: bytes,
        content_type: bytes = b"application/json",
        more_headers: tuple[tuple[bytes, bytes], ...] = (),
    ) -> None:
        self.status = status
        self.headers = (
            (b"content-type", content_type),
            (b"content-length", b"%d" % len(body)),
            *more_headers,
        )
        self._unread = body

    async def read(self) -> bytes:
        body, self._unread = self._unread, b""
        return body

    def close(self) -> None:
        """Nothing is open."""


def answer_of(error: GatewayError) -> CompleteAnswer:
    """What a client is told in the place of a cloud's own words."""
    return CompleteAnswer(error.status, error.body(), more_headers=error.headers)


def open_cloud_connections(connect_seconds: float) -> HttpConnections:
    """Kept idle for aiohttp's 15 seconds: front doors wait longer, and a new connection costs a TLS handshake."""
    return HttpConnections(aiohttp.TCPConnector(limit=0), connect_seconds)


async def read_error(response: ClientResponse) -> bytes:
    """The whole body of an error. Raises BrokenError when it breaks off, or exceeds 1 MiB."""
    body = b""
    try:
        while chunk := await response.content.readany():
            body += chunk
            if len(body) > MAX_ERROR_BYTES:
                raise BrokenError("an error document of more than 1 MiB")
    except READ_ERRORS as error:
        raise BrokenError(type(error).__name__) from error
    finally:
        # Gives the connection back after a whole body, breaks it otherwise.
        if response.content.at_eof():
            response.release()
        else:
            response.close()
    return body
