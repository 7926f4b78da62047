"""An engine behind a Vertex AI endpoint with a dedicated DNS name.

Requests go to `/v1/projects/P/locations/L/endpoints/E/invoke/<path>`, which reaches `/<path>` of the container as it
is, streams included. The model has to be uploaded with `invokeRoutePrefix: "/*"`
(cloud.google.com/vertex-ai/docs/predictions/use-arbitrary-custom-routes, 2026-11, preview). The older `:rawPredict`
and `:streamRawPredict` reach the one path that the model was uploaded with: chat, completions and embeddings would
need an endpoint each. Vertex AI switches them off for a model with an invoke prefix.

Import this module only where such an engine is configured: google-auth takes about 16 MB.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Self

from yarl import URL

from moorage_serving.gateway.errors import request_too_large
from moorage_serving.gateway.upstream.cloud_http import CompleteAnswer, answer_of, open_cloud_connections, read_error
from moorage_serving.gateway.upstream.connections import Answer, BrokenError, ConnectError, HttpTransport
from moorage_serving.gateway.upstream.vertex_refusal import MAX_BODY_BYTES, UNAUTHORIZED, told
from moorage_serving.gateway.upstream.vertex_token import AccessToken

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiohttp.client_reqrep import ClientResponse

    from moorage_serving.gateway.config.serving import Timeouts
    from moorage_serving.gateway.config.upstreams import VertexUpstreamConfig


class VertexTransport(HttpTransport):
    """One endpoint and the connections to it. Must be made in a running event loop.

    Timeouts of the answer are the caller's; Vertex AI's own is the endpoint's inferenceTimeout (10 minutes, up to 1
    hour).
    """

    def __init__(
        self, *, address: str, project: str, region: str, endpoint_id: str, connect_seconds: float = 5
    ) -> None:
        super().__init__(open_cloud_connections(connect_seconds))
        self._base_url = f"{address}/v1/projects/{project}/locations/{region}/endpoints/{endpoint_id}/invoke"
        self._token = AccessToken()

    @classmethod
    def from_config(cls, config: VertexUpstreamConfig, timeouts: Timeouts) -> Self:
        return cls(
            address=config.address,
            project=config.project,
            region=config.region,
            endpoint_id=config.endpoint_id,
            connect_seconds=timeouts.connect_seconds,
        )

    async def send(self, path: str, body: bytes, headers: Mapping[str, str]) -> Answer | CompleteAnswer:
        """Send a request. Raises ConnectError when the model has not seen it, and BrokenError."""
        if len(body) > MAX_BODY_BYTES:
            return answer_of(request_too_large(MAX_BODY_BYTES))
        response = await self._request("POST", path, headers, body)
        if response.status < 400:
            return Answer(response)
        return told(response.status, response.headers, await read_error(response))

    async def probe(self, timeout_seconds: float) -> str | None:
        """Ask the engine's /health, through the front door. None when it is well, else what is wrong.

        Needs no more permission than a request. It reaches one replica, and counts as one: an endpoint that shall
        scale to zero must be probed less often than its idle_scaledown_period.
        """
        try:
            async with asyncio.timeout(timeout_seconds):
                response = await self._request("GET", "/health", {})
        except TimeoutError:
            return f"/health did not answer within {timeout_seconds:g} s"
        except (ConnectError, BrokenError) as error:
            return f"unreachable: {error}"
        response.release()
        return None if response.status == 200 else f"/health answered {response.status}"

    async def close(self) -> None:
        """Close idle connections. No request may be in flight."""
        await self._token.close()
        await self._connections.close()

    async def _request(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes | None = None
    ) -> ClientResponse:
        """The answer's headers. A token that is refused is renewed once: it may have been revoked."""
        url = URL(self._base_url + path, encoded=True)
        token = await self._token.current()
        response = await self._connections.request(method, url, {**headers, "authorization": f"Bearer {token}"}, body)
        if response.status != UNAUTHORIZED:
            return response
        renewed = await self._token.renewed(token)
        if renewed is None:
            return response
        response.release()
        return await self._connections.request(method, url, {**headers, "authorization": f"Bearer {renewed}"}, body)
