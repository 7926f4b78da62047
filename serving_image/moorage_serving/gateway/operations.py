"""What is not inference: the list of models, probes and metrics."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from fastapi import Depends, FastAPI, Request, Response
from fastapi.responses import JSONResponse, PlainTextResponse
from prometheus_client import CONTENT_TYPE_LATEST
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from moorage_serving.gateway import errors
from moorage_serving.gateway.errors import GatewayError
from moorage_serving.gateway.openapi import error_responses
from moorage_serving.gateway.telemetry.profiling import add_profiling
from moorage_serving.gateway.upstream.generation import may_use

if TYPE_CHECKING:
    from moorage_serving.gateway.state import GatewayState

NOT_FOUND, METHOD_NOT_ALLOWED = 404, 405


class Model(BaseModel):
    """One model, as OpenAI's clients expect it. `revision` says which weights it is."""

    id: str
    object: str = "model"
    created: int
    owned_by: str = "moorage"
    revision: str


class ModelList(BaseModel):
    object: str = "list"
    data: list[Model]


class UpstreamReadiness(BaseModel):
    """`problem` says why an engine is not ready."""

    name: str
    model: str
    ready: bool
    problem: str | None


class ReadinessReport(BaseModel):
    """`config_sha256` names the active configuration by its file's bytes: a reload has taken effect when it changes.

    `process_id` tells apart the processes that share a port during a takeover.
    """

    ready: bool
    draining: bool
    process_id: int
    config_sha256: str
    upstreams: list[UpstreamReadiness]


def add_operations(application: FastAPI, state: GatewayState) -> None:
    """Add the routes."""

    async def authenticated(request: Request) -> None:
        identity = await state.active.keys.admit(authorization_of(request))
        request.state.record.key_id = identity.key_id
        request.state.identity = identity

    @application.get("/v1/models", responses=error_responses([401]), dependencies=[Depends(authenticated)])
    async def list_models(request: Request) -> ModelList:
        """The models and adapters that this key can ask for."""
        generation = state.active
        created = generation.created_at_unix_seconds
        return ModelList(
            data=[
                Model(id=name, created=created, revision=route.revision)
                for route in generation.routes
                for name in route.names
                if may_use(request.state.identity.tenant, name)
            ]
        )

    async def administrator(request: Request) -> None:
        await state.active.keys.admit_admin(authorization_of(request))

    add_profiling(application, administrator)

    @application.get("/health", response_class=Response)
    async def health() -> Response:
        """200 as long as the process serves."""
        return Response()

    @application.get("/ready", responses={503: {"model": ReadinessReport}})
    async def ready(response: Response) -> ReadinessReport:
        """200 when the gateway is not shutting down, and at least one engine answers its /health or can be started."""
        healths = await state.readiness.check()
        can_answer = any(health.problem is None for health in healths)
        can_start = any(route.can_be_started for route in state.active.routes)
        is_ready = not state.draining and (can_answer or can_start)
        response.status_code = 200 if is_ready else 503
        return ReadinessReport(
            ready=is_ready,
            draining=state.draining,
            process_id=os.getpid(),
            config_sha256=state.active.loaded.sha256,
            upstreams=[
                UpstreamReadiness(name=name, model=model, ready=problem is None, problem=problem)
                for name, model, problem in healths
            ],
        )

    @application.get("/metrics", response_class=PlainTextResponse)
    async def metrics() -> Response:
        """Prometheus' text exposition."""
        return Response(await state.render_metrics(), media_type=CONTENT_TYPE_LATEST)


def authorization_of(request: Request) -> bytes | None:
    """The header as the key ring takes it."""
    authorization = request.headers.get("authorization")
    return authorization.encode("latin-1") if authorization else None


def answer_with_openai_errors(application: FastAPI) -> None:
    """Errors of the framework become OpenAI-shaped like all others."""

    async def gateway_error(_: Request, error: Exception) -> Response:
        assert isinstance(error, GatewayError)  # noqa: S101 - registered for this type
        return as_response(error)

    async def http_error(_: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)  # noqa: S101 - registered for this type
        if error.status_code == METHOD_NOT_ALLOWED:
            return as_response(errors.method_not_allowed((error.headers or {}).get("Allow", "GET")))
        return as_response(errors.unknown_route() if error.status_code == NOT_FOUND else errors.internal_error())

    async def unexpected(_: Request, __: Exception) -> Response:
        return as_response(errors.internal_error())

    application.add_exception_handler(GatewayError, gateway_error)
    application.add_exception_handler(HTTPException, http_error)
    application.add_exception_handler(Exception, unexpected)


def as_response(error: GatewayError) -> Response:
    """An error as the framework's response."""
    headers = {name.decode(): value.decode() for name, value in error.headers}
    return JSONResponse(error.document(), status_code=error.status, headers=headers)
