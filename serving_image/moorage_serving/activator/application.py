"""The hook that gateways call, and what there is to see."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import FastAPI, HTTPException, Response
from fastapi.responses import PlainTextResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import BaseModel

from moorage_serving.activator.engine_state import EngineState

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

    from moorage_serving.activator.keeper import EngineKeeper

NOT_FOUND, ACCEPTED = 404, 202


class Demand(BaseModel):
    """Requests wait for this engine."""

    upstream: str


class Situation(BaseModel):
    """`cold_start_seconds`: the last start on demand, by phase; null before the first one."""

    upstream: str
    state: EngineState
    idle_seconds: float
    cold_start_seconds: dict[str, float] | None


def build_application(upstream: str, idle_seconds: float, keeper: EngineKeeper, registry: CollectorRegistry) -> FastAPI:
    """The whole interface."""
    application = FastAPI(title="Moorage activator", version="1", docs_url=None, redoc_url=None)

    def situation() -> Situation:
        return Situation(
            upstream=upstream,
            state=keeper.state,
            idle_seconds=idle_seconds,
            cold_start_seconds=keeper.cold_start_seconds,
        )

    @application.post("/activate", status_code=ACCEPTED)
    async def activate(demand: Demand) -> Situation:
        """Have the engine up soon. Answers at once, however often it is called."""
        if demand.upstream != upstream:
            raise HTTPException(NOT_FOUND, f"this starts {upstream} alone")
        keeper.activate()
        return situation()

    @application.get("/state")
    async def state() -> Situation:
        """What the engine is doing."""
        return situation()

    @application.get("/health", response_class=Response)
    async def health() -> Response:
        """200 as long as the process serves."""
        return Response()

    @application.get("/metrics", response_class=PlainTextResponse)
    async def metrics() -> Response:
        """Prometheus' text exposition."""
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    return application
