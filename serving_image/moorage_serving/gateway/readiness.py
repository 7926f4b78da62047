"""Whether a request that came now would find an engine."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from moorage_serving.gateway.upstream.generation import Generation

PROBE_TIMEOUT_SECONDS = 2.0
# However many probers ask, engines are asked at most once per second.
FRESH_SECONDS = 1.0


class UpstreamHealth(NamedTuple):
    """One engine's health: `problem` is None when it is well."""

    name: str
    model: str
    problem: str | None


class Readiness:
    """Asks the engines of one generation for their health."""

    def __init__(self, generation: Generation) -> None:
        self._generation = generation
        self._lock = asyncio.Lock()
        self._checked_at = float("-inf")
        self._healths: list[UpstreamHealth] = []

    async def check(self) -> list[UpstreamHealth]:
        """The health of every engine, at most one second old."""
        async with self._lock:
            if time.monotonic() - self._checked_at > FRESH_SECONDS:
                self._healths = await self._probe_all()
                self._checked_at = time.monotonic()
            return self._healths

    async def _probe_all(self) -> list[UpstreamHealth]:
        endpoints = self._generation.endpoints
        self._generation.enter()
        try:
            problems = await asyncio.gather(
                *(endpoint.transport.probe(PROBE_TIMEOUT_SECONDS) for endpoint in endpoints)
            )
        finally:
            self._generation.leave()
        return [
            UpstreamHealth(endpoint.name, endpoint.config.model, problem)
            for endpoint, problem in zip(endpoints, problems, strict=True)
        ]
