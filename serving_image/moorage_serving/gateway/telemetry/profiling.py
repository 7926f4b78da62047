"""GET /debug/profile: what the event loop's thread does, for some seconds. Names of functions, never their values."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from fastapi import FastAPI, Request, Response

from moorage_serving.gateway.errors import GatewayError, invalid_request
from moorage_serving.gateway.openapi import error_responses

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

MAX_SECONDS = 60.0
SAMPLE_INTERVAL_SECONDS = 0.001
FORMATS = ("html", "speedscope")


def add_profiling(application: FastAPI, require_admin: Callable[[Request], Awaitable[None]]) -> None:
    """Add the route. `require_admin` raises GatewayError for whoever may not profile."""
    running = asyncio.Lock()

    @application.get("/debug/profile", responses=error_responses([400, 401, 403, 409]), response_class=Response)
    async def profile(request: Request, seconds: str = "5", format: str = "html") -> Response:  # noqa: A002 - the parameter's name
        """Where the process's time goes: a page, or JSON for https://www.speedscope.app. Slows it down meanwhile."""
        await require_admin(request)
        duration_seconds = parse_seconds(seconds)
        if format not in FORMATS:
            raise invalid_request("`format` must be html or speedscope.", param="format")
        if running.locked():
            raise GatewayError(409, "profile_running", "A profile is being taken. Try again later.")
        async with running:
            content = await take_profile(duration_seconds, speedscope=format == "speedscope")
        return Response(content, media_type="application/json" if format == "speedscope" else "text/html")


def parse_seconds(text: str) -> float:
    """Raises GatewayError (400)."""
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds <= MAX_SECONDS:
        raise invalid_request(f"`seconds` must be a number up to {MAX_SECONDS:g}.", param="seconds")
    return seconds


async def take_profile(seconds: float, *, speedscope: bool) -> str:
    """A profile of the thread that this runs in."""
    # Here, because it is hardly ever needed.
    from pyinstrument import Profiler
    from pyinstrument.renderers import HTMLRenderer, SpeedscopeRenderer

    # Not followed into one task: everything that the loop runs is meant.
    profiler = Profiler(interval=SAMPLE_INTERVAL_SECONDS, async_mode="disabled")
    profiler.start()
    try:
        await asyncio.sleep(seconds)
    finally:
        session = profiler.stop()
    # Every call counts: a request takes less than the hundredth of the time that is left out otherwise.
    renderer = SpeedscopeRenderer(processor_options={"filter_threshold": 0}) if speedscope else HTMLRenderer()
    return await asyncio.to_thread(renderer.render, session)
