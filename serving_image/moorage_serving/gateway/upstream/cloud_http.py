"""What engines behind a cloud's own front door have in common: connections to it, and answers to what it refuses."""

from __future__ import annotations

import io
import time
from typing import TYPE_CHECKING

import aiohttp

from moorage_serving.gateway.upstream.openai_http import (
    CONNECT_ERRORS,
    READ_BUFFER_BYTES,
    READ_ERRORS,
    STALE_SECONDS,
    BrokenError,
    ConnectError,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiohttp.client_reqrep import ClientResponse
    from yarl import URL

    from moorage_serving.gateway.errors import GatewayError

# An error longer than this is no error document; engines repeat the wrong part of a request in theirs.
MAX_ERROR_BYTES = 1_048_576
MAX_WRITE_BYTES = 1_048_576


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


class CloudConnections:
    """The connections to one front door. Must be made in a running event loop."""

    def __init__(self, connect_seconds: float) -> None:
        # Kept idle for aiohttp's 15 seconds: front doors wait longer, and a new connection costs a TLS handshake.
        self._connector = aiohttp.TCPConnector(limit=0, limit_per_host=0)
        self._session = aiohttp.ClientSession(
            connector=self._connector,
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=connect_seconds),
            auto_decompress=False,
            cookie_jar=aiohttp.DummyCookieJar(),
            read_bufsize=READ_BUFFER_BYTES,
            skip_auto_headers=("user-agent",),
            headers={"accept-encoding": "identity"},
        )

    @property
    def busy(self) -> int:
        return len(self._connector._acquired)  # noqa: SLF001

    @property
    def idle(self) -> int:
        return sum(len(connections) for connections in self._connector._conns.values())  # noqa: SLF001

    async def request(
        self, method: str, url: URL, headers: Mapping[str, str], body: bytes | None = None
    ) -> ClientResponse:
        """Send a request and wait for the answer's headers. Raises ConnectError and BrokenError."""
        started_at, may_be_stale = time.monotonic(), self.idle > 0
        try:
            return await self._request_once(method, url, headers, body)
        except BrokenError:
            # A front door that closes this soon had closed the connection before, and has not begun to work.
            if may_be_stale and time.monotonic() - started_at < STALE_SECONDS:
                return await self._request_once(method, url, headers, body)
            raise

    async def _request_once(
        self, method: str, url: URL, headers: Mapping[str, str], body: bytes | None
    ) -> ClientResponse:
        # Written in pieces, because one write of this size would keep every other request waiting.
        data = io.BytesIO(body) if body and len(body) > MAX_WRITE_BYTES else body
        try:
            return await self._session.request(method, url, data=data, headers=headers, allow_redirects=False)
        except CONNECT_ERRORS as error:
            raise ConnectError(type(error).__name__) from error
        except READ_ERRORS as error:
            raise BrokenError(type(error).__name__) from error

    async def close(self) -> None:
        """Close idle connections. No request may be in flight."""
        await self._session.close()


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
