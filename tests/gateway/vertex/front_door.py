"""A dedicated Vertex AI endpoint, as strict as the real one, in front of a programmable engine."""

from __future__ import annotations

import io
import re
import time
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import aiohttp
from aiohttp import web

from tests.gateway.cloud_door import CloudDoor

from .rpc_status import GoogleError, error_info

if TYPE_CHECKING:
    from .token_servers import TokenServers

PROJECT, REGION, ENDPOINT_ID = "moored", "europe-west4", "4217256562927861760"
INVOKE = f"/v1/projects/{PROJECT}/locations/{REGION}/endpoints/{ENDPOINT_ID}/invoke"
MAX_BODY_BYTES = 10_485_760
BEARER = re.compile(r"Bearer (\S+)")


@dataclass
class FrontDoor(CloudDoor):
    """`engine` is the container's address. What follows `tokens` are faults, for tests to set."""

    engine: str
    tokens: TokenServers
    allowed: bool = True
    refusals: deque[GoogleError | web.Response] = field(default_factory=deque)  # the next answers
    invocations: int = 0
    received: deque[tuple[str, str, dict[str, str]]] = field(default_factory=lambda: deque(maxlen=100))
    sent_bytes: int = 0

    async def start(self) -> str:
        application = web.Application(client_max_size=4 * MAX_BODY_BYTES)
        application.router.add_route("*", "/{path:.*}", self._invoke)
        return await self.serve(application)

    async def _invoke(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.received.append((request.method, request.raw_path, headers))
        try:
            self._admit(request.raw_path, headers, body)
            if self.refusals:
                refusal = self.refusals.popleft()
                return refusal.answer() if isinstance(refusal, GoogleError) else refusal
        except GoogleError as error:
            return error.answer()
        self.invocations += 1
        return await self._ask_container(request, headers, body)

    def _admit(self, path: str, headers: dict[str, str], body: bytes) -> None:
        """Token, permission, name, size. Raises GoogleError."""
        bearer = BEARER.fullmatch(headers.get("authorization", ""))
        if bearer is None:
            message = "Request is missing required authentication credential."
            raise GoogleError("UNAUTHENTICATED", message, error_info("CREDENTIALS_MISSING"))
        if self.tokens.valid_until.get(bearer[1], 0) <= time.time():
            message = "Request had invalid authentication credentials."
            raise GoogleError("UNAUTHENTICATED", message, error_info("ACCESS_TOKEN_EXPIRED"))
        if not self.allowed:
            message = "Permission 'aiplatform.endpoints.predict' denied on resource (or it may not exist)."
            raise GoogleError("PERMISSION_DENIED", message, error_info("IAM_PERMISSION_DENIED"))
        if not path.startswith(f"{INVOKE}/"):
            raise GoogleError("NOT_FOUND", "The Endpoint is not found.")
        if len(body) > MAX_BODY_BYTES:
            message = "Request payload size exceeds the limit: 10485760 bytes."
            raise GoogleError("INVALID_ARGUMENT", message, status=413)

    async def _ask_container(self, request: web.Request, headers: dict[str, str], body: bytes) -> web.StreamResponse:
        passed = {name: value for name, value in headers.items() if name in {"content-type", "x-request-id"}}
        url = self.engine + request.raw_path.removeprefix(INVOKE)
        try:
            async with self._container.request(request.method, url, data=io.BytesIO(body), headers=passed) as answer:
                response = web.StreamResponse(status=answer.status)
                response.content_type = answer.content_type
                await response.prepare(request)
                async for piece in answer.content.iter_any():
                    await response.write(piece)
                    self.sent_bytes += len(piece)
                return response
        except aiohttp.ClientError:
            if request.transport is not None and self._has_begun(request):
                request.transport.abort()
            return GoogleError("UNAVAILABLE", "upstream connect error or disconnect/reset before headers").answer()

    def _has_begun(self, request: web.Request) -> bool:
        return request.writer.output_size > 0
