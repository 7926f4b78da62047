"""An engine that speaks OpenAI's API over HTTP: TCP, TLS or a unix socket."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING

from moorage_serving.gateway.upstream.connections import (
    CONNECT_ERRORS,
    READ_ERRORS,
    Answer,
    HttpConnections,
    HttpTransport,
    base_url_of,
    open_connector,
)
from moorage_serving.gateway.upstream.engine_load import EngineLoad, parse_engine_load

if TYPE_CHECKING:
    from collections.abc import Mapping

    from moorage_serving.gateway.config.serving import Timeouts
    from moorage_serving.gateway.config.upstreams import OpenAIHttpUpstreamConfig

# Engines close an idle connection after 5 seconds (vLLM's default): leaving earlier than they do avoids sending a
# request into a connection that is just being closed.
KEEP_ALIVE_SECONDS = 4.0


class OpenAIHttpTransport(HttpTransport):
    """One engine and the connections to it."""

    def __init__(self, config: OpenAIHttpUpstreamConfig, timeouts: Timeouts, only_address: str | None = None) -> None:
        def connections(keep_alive_seconds: float | None) -> HttpConnections:
            connector = open_connector(config.address, only_address, keep_alive_seconds=keep_alive_seconds)
            return HttpConnections(connector, timeouts.connect_seconds)

        super().__init__(connections(KEEP_ALIVE_SECONDS))
        # A connection that probes kept open would keep an engine up that is stopped when nobody uses it.
        self._probes = connections(None)
        self._base_url = base_url_of(config.address)
        self._authorization = authorization_of(config)

    async def send(self, path: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        """Send a request. Raises ConnectError or, when the engine breaks off before its headers, BrokenError."""
        url = self._base_url + path
        return Answer(await self._connections.request("POST", url, {**headers, **self._authorization}, body))

    async def probe(self, timeout_seconds: float) -> str | None:
        """Ask the engine's /health. None when it is well, else what is wrong."""
        try:
            async with (
                asyncio.timeout(timeout_seconds),
                self._probes.session.get(self._base_url + "/health", headers=self._authorization) as response,
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
                self._probes.session.get(self._base_url + "/metrics", headers=self._authorization) as response,
            ):
                return parse_engine_load(await response.read()) if response.status == 200 else None
        except (TimeoutError, *CONNECT_ERRORS, *READ_ERRORS):
            return None

    async def close(self) -> None:
        """Close idle connections. No request may be in flight."""
        await self._connections.close()
        await self._probes.close()


def authorization_of(config: OpenAIHttpUpstreamConfig) -> dict[str, str]:
    """The header that an engine wants to see, out of the environment."""
    if config.authentication is None:
        return {}
    token = os.environ[config.authentication.bearer_token_environment_variable]
    return {"authorization": f"Bearer {token}"}
