"""The ASGI application: inference requests go straight to their endpoint, the rest to FastAPI."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from fastapi import FastAPI

from moorage_serving.gateway.inference import InferenceEndpoint
from moorage_serving.gateway.openapi import describe_inference
from moorage_serving.gateway.operations import add_operations, answer_with_openai_errors
from moorage_serving.gateway.record import Outcome, RequestRecord
from moorage_serving.gateway.request_id import request_id
from moorage_serving.gateway.responses import header

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.types import Message, Receive, Scope, Send

    from moorage_serving.gateway.state import GatewayState

CAN_STREAM = {"/v1/chat/completions": True, "/v1/completions": True, "/v1/embeddings": False}
PROBED = frozenset({"/health", "/ready", "/metrics"})
OTHER = "other"


class Application:
    """What uvicorn serves."""

    def __init__(self, state: GatewayState) -> None:
        self._state = state
        self._endpoints = {path: InferenceEndpoint(path, state, can_stream=can) for path, can in CAN_STREAM.items()}
        self._rest = build_fastapi(state)
        self._named = {"/v1/models", *PROBED}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            endpoint = self._endpoints.get(scope["path"])
            if endpoint is not None:
                await endpoint(scope, receive, send)
            else:
                await self._serve_rest(scope, receive, send)
        else:
            await self._rest(scope, receive, send)

    async def _serve_rest(self, scope: Scope, receive: Receive, send: Send) -> None:
        endpoint = scope["path"] if scope["path"] in self._named else OTHER
        record = RequestRecord(endpoint, request_id(header(scope["headers"], b"x-request-id")))
        scope["state"]["record"] = record

        async def send_with_request_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                record.status = message["status"]
                record.outcome = Outcome.COMPLETED if record.status < 400 else Outcome.REJECTED
                message["headers"].append((b"x-request-id", record.request_id))
            await send(message)

        try:
            await self._rest(scope, receive, send_with_request_id)
        finally:
            # Probes come every few seconds, for ever: they are no requests of clients.
            if endpoint not in PROBED:
                record.finish(self._state.metrics)


def build_fastapi(state: GatewayState) -> FastAPI:
    """Everything but inference, and the description of all of it at /openapi.json."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await state.start()
        yield
        await state.stop()

    application = FastAPI(title="Moorage gateway", version="1", lifespan=lifespan, docs_url=None, redoc_url=None)
    add_operations(application, state)
    answer_with_openai_errors(application)
    describe_inference(application)
    return application
