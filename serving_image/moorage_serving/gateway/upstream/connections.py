"""HTTP connections to engines: over TCP, TLS or a Unix socket, passing on what comes as it is."""

from __future__ import annotations

import io
import time
from typing import TYPE_CHECKING

import aiohttp

from moorage_serving.gateway.upstream.discovery import OneAddress

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from aiohttp.client_reqrep import ClientResponse
    from yarl import URL

STALE_SECONDS = 0.25
READ_BUFFER_BYTES = 16_384
MAX_WRITE_BYTES = 1_048_576
UNIX_PREFIX = "unix://"


# ValueError: host names and ports that fit the contract's pattern, but that nothing can be looked up for.
CONNECT_ERRORS = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError, aiohttp.InvalidURL, ValueError)
READ_ERRORS = (aiohttp.ClientError, OSError)


class ConnectError(Exception):
    """No connection to the engine: nothing of the request has reached it."""


class BrokenError(Exception):
    """The engine broke off, or sent what is not HTTP."""


class Answer:
    """An answer on its way: status and headers are there, the body is read piece by piece.

    `read()` returns the bytes that have come since, as soon as there are any, and nothing at the end. It raises one of
    `READ_ERRORS`: the client library's own method and exceptions, because a wrapper would cost a coroutine per chunk.
    """

    __slots__ = ("_response",)

    def __init__(self, response: ClientResponse) -> None:
        self._response = response

    @property
    def read(self) -> Callable[[], Awaitable[bytes]]:
        return self._response.content.readany

    @property
    def status(self) -> int:
        return self._response.status

    @property
    def headers(self) -> tuple[tuple[bytes, bytes], ...]:
        return self._response.raw_headers

    def close(self) -> None:
        """Break the connection if the answer is not complete, which makes the engine stop; otherwise keep it."""
        if self._response.content.at_eof():
            self._response.release()
        else:
            self._response.close()


class HttpConnections:
    """The connections of one connector. Must be made in a running event loop."""

    def __init__(self, connector: aiohttp.BaseConnector, connect_seconds: float) -> None:
        self._connector = connector
        self.session = aiohttp.ClientSession(
            connector=connector,
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
        self, method: str, url: str | URL, headers: Mapping[str, str], body: bytes | None = None
    ) -> ClientResponse:
        """Send a request and wait for the answer's headers. Raises ConnectError and BrokenError."""
        started_at, may_be_stale = time.monotonic(), self.idle > 0
        try:
            return await self._request_once(method, url, headers, body)
        except BrokenError:
            # Who closes this soon had closed the connection long ago, and has not begun to work.
            if may_be_stale and time.monotonic() - started_at < STALE_SECONDS:
                return await self._request_once(method, url, headers, body)
            raise

    async def _request_once(
        self, method: str, url: str | URL, headers: Mapping[str, str], body: bytes | None
    ) -> ClientResponse:
        # Written in pieces, because one write of this size would keep every other request waiting.
        data = io.BytesIO(body) if body and len(body) > MAX_WRITE_BYTES else body
        try:
            return await self.session.request(method, url, data=data, headers=headers, allow_redirects=False)
        except CONNECT_ERRORS as error:
            raise ConnectError(type(error).__name__) from error
        except READ_ERRORS as error:
            raise BrokenError(type(error).__name__) from error

    async def close(self) -> None:
        """Close idle connections. No request may be in flight."""
        await self.session.close()


class HttpTransport:
    """What the transports of all kinds have in common."""

    def __init__(self, connections: HttpConnections) -> None:
        self._connections = connections

    @property
    def busy_connections(self) -> int:
        return self._connections.busy

    @property
    def idle_connections(self) -> int:
        return self._connections.idle


def open_connector(
    address: str, only_address: str | None = None, *, keep_alive_seconds: float | None
) -> aiohttp.BaseConnector:
    """The connector for an address. Must be called in a running event loop.

    `only_address`: the one IP address, out of those behind the host name, to connect to. `keep_alive_seconds`: how long
    an idle connection stays open; None closes it at once.
    """
    closes = keep_alive_seconds is None
    if address.startswith(UNIX_PREFIX):
        path = address.removeprefix(UNIX_PREFIX)
        return aiohttp.UnixConnector(path, limit=0, keepalive_timeout=keep_alive_seconds, force_close=closes)
    return aiohttp.TCPConnector(
        limit=0,
        keepalive_timeout=keep_alive_seconds,
        force_close=closes,
        resolver=None if only_address is None else OneAddress(only_address),
    )


def base_url_of(address: str) -> str:
    """What paths are appended to. Over a Unix socket the host is of no meaning, but HTTP wants one."""
    return "http://localhost" if address.startswith(UNIX_PREFIX) else address
