"""An engine that speaks OpenAI's API over HTTP: TCP, TLS or a unix socket."""

from __future__ import annotations

import asyncio
import os
import time
from typing import TYPE_CHECKING

import aiohttp

from moorage_serving.gateway.upstream.discovery import OneAddress
from moorage_serving.gateway.upstream.engine_load import EngineLoad, parse_engine_load

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from aiohttp.client_reqrep import ClientResponse

    from moorage_serving.gateway.config.serving import Timeouts
    from moorage_serving.gateway.config.upstreams import OpenAIHttpUpstreamConfig

# Engines close an idle connection after 5 seconds (vLLM's default): leaving earlier than they do avoids sending a
# request into a connection that is just being closed.
KEEP_ALIVE_SECONDS = 4.0
STALE_SECONDS = 0.25
READ_BUFFER_BYTES = 16_384
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


class OpenAIHttpTransport:
    """One engine and the connections to it."""

    def __init__(self, config: OpenAIHttpUpstreamConfig, timeouts: Timeouts, only_address: str | None = None) -> None:
        self._base_url = "http://localhost" if config.address.startswith(UNIX_PREFIX) else config.address
        self._authorization = authorization_of(config)
        self._connector = open_connector(config.address, only_address)
        self._session = open_session(self._connector, timeouts)
        # A connection that probes kept open would keep an engine up that is stopped when nobody uses it.
        self._probes = open_session(open_connector(config.address, only_address, keeps_alive=False), timeouts)

    @property
    def busy_connections(self) -> int:
        return len(self._connector._acquired)  # noqa: SLF001

    @property
    def idle_connections(self) -> int:
        return sum(len(connections) for connections in self._connector._conns.values())  # noqa: SLF001

    async def send(self, path: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        """Send a request. Raises ConnectError or, when the engine breaks off before its headers, BrokenError."""
        headers = {**headers, **self._authorization}
        started_at, may_be_stale = time.monotonic(), self.idle_connections > 0
        try:
            return await self._send_once(path, body, headers)
        except BrokenError:
            # An engine that closes this soon had closed the connection long ago, and has not begun to work.
            if may_be_stale and time.monotonic() - started_at < STALE_SECONDS:
                return await self._send_once(path, body, headers)
            raise

    async def _send_once(self, path: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        try:
            return Answer(
                await self._session.post(self._base_url + path, data=body, headers=headers, allow_redirects=False)
            )
        except CONNECT_ERRORS as error:
            raise ConnectError(type(error).__name__) from error
        except READ_ERRORS as error:
            raise BrokenError(type(error).__name__) from error

    async def probe(self, timeout_seconds: float) -> str | None:
        """Ask the engine's /health. None when it is well, else what is wrong."""
        try:
            async with (
                asyncio.timeout(timeout_seconds),
                self._probes.get(self._base_url + "/health", headers=self._authorization) as response,
            ):
                return None if response.status == 200 else f"/health answered {response.status}"
        except TimeoutError:
            return f"/health did not answer within {timeout_seconds:g} s"
        except (*CONNECT_ERRORS, *READ_ERRORS) as error:
            return f"unreachable: {type(error).__name__}"

    async def measure(self, timeout_seconds: float) -> EngineLoad | None:
        """What the engine's /metrics says of its load. None where it does not say, or not in time."""
        try:
            async with (
                asyncio.timeout(timeout_seconds),
                self._probes.get(self._base_url + "/metrics", headers=self._authorization) as response,
            ):
                return parse_engine_load(await response.read()) if response.status == 200 else None
        except (TimeoutError, *CONNECT_ERRORS, *READ_ERRORS):
            return None

    async def close(self) -> None:
        """Close idle connections. No request may be in flight."""
        await self._session.close()
        await self._probes.close()


def authorization_of(config: OpenAIHttpUpstreamConfig) -> dict[str, str]:
    """The header that an engine wants to see, out of the environment."""
    if config.authentication is None:
        return {}
    token = os.environ[config.authentication.bearer_token_environment_variable]
    return {"authorization": f"Bearer {token}"}


def open_session(connector: aiohttp.BaseConnector, timeouts: Timeouts) -> aiohttp.ClientSession:
    """Passes on what an engine sends as it is."""
    return aiohttp.ClientSession(
        connector=connector,
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=timeouts.connect_seconds),
        auto_decompress=False,
        cookie_jar=aiohttp.DummyCookieJar(),
        read_bufsize=READ_BUFFER_BYTES,
        skip_auto_headers=("user-agent",),
        headers={"accept-encoding": "identity"},
    )


def open_connector(address: str, only_address: str | None = None, *, keeps_alive: bool = True) -> aiohttp.BaseConnector:
    """The connector for an address. Must be called in a running event loop.

    `only_address`: the one IP address, out of those behind the host name, to connect to.
    """
    keep_alive_seconds = KEEP_ALIVE_SECONDS if keeps_alive else None
    if address.startswith(UNIX_PREFIX):
        path = address.removeprefix(UNIX_PREFIX)
        return aiohttp.UnixConnector(path, limit=0, keepalive_timeout=keep_alive_seconds, force_close=not keeps_alive)
    return aiohttp.TCPConnector(
        limit=0,
        keepalive_timeout=keep_alive_seconds,
        force_close=not keeps_alive,
        resolver=None if only_address is None else OneAddress(only_address),
    )
