"""Looks after one endpoint: does it answer, does it make progress, how much does it do for others?"""

from __future__ import annotations

import asyncio
import random
import time
from typing import TYPE_CHECKING

import structlog

from moorage_serving.gateway.upstream.openai_http import OpenAIHttpTransport
from moorage_serving.gateway.upstream.progress import ProgressCheck

if TYPE_CHECKING:
    from collections.abc import Callable

    from moorage_serving.gateway.upstream.endpoint import Endpoint

log = structlog.get_logger("monitor")
PROBE_SECONDS = 2.0
PROBE_TIMEOUT_SECONDS = 2.0
# Somebody may be waiting for an engine that starts.
DOWN_PROBE_SECONDS = 0.5
# One lost probe is no reason to leave an engine that has been well.
FAILURES_TO_LEAVE = 2
# A long prompt alone on a slow engine moves no token for some time: 32,000 tokens at 1,000/s are half of this.
STALL_SECONDS = 60.0


class Monitor:
    """Probes an endpoint, and tells `changed` when that changes whether it gets requests.

    An engine behind HTTP is asked every two seconds, and every half while it is down. The clouds' endpoints are asked
    only after a failure, until they are well again: a probe there counts as a request, and would keep an endpoint from
    scaling to zero.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        changed: Callable[[], None],
        *,
        probe_seconds: float = PROBE_SECONDS,
        stall_seconds: float = STALL_SECONDS,
    ) -> None:
        self._endpoint = endpoint
        self._changed = changed
        self._probe_seconds = probe_seconds
        self._http = endpoint.transport if isinstance(endpoint.transport, OpenAIHttpTransport) else None
        self._progress = ProgressCheck(stall_seconds)
        self._failures = FAILURES_TO_LEAVE - 1
        self._hurry = asyncio.Event()
        endpoint.suspected = self._suspected

    async def run(self) -> None:
        """For ever; cancel to end."""
        if self._http is None:
            await self._hurry.wait()
        while True:
            self._hurry.clear()
            try:
                self._judge(await self._find_problem())
            except Exception:
                # A monitor that ended would leave the endpoint as it is for ever.
                log.exception("upstream_probe_failed", upstream=self._endpoint.unique_name)
            await self._pause()

    async def _find_problem(self) -> str | None:
        problem = await self._endpoint.transport.probe(PROBE_TIMEOUT_SECONDS)
        if problem is not None or self._http is None:
            self._endpoint.engine_load = None
            return problem
        own = self._endpoint.in_flight
        self._endpoint.engine_load = load = await self._http.measure(PROBE_TIMEOUT_SECONDS)
        if load is None:
            self._endpoint.set_foreign_load(None)
            return None
        # What came or went during the scrape is taken for ours, so that a burst does not look like others' load.
        own = max(own, self._endpoint.in_flight)
        self._endpoint.set_foreign_load(max(0, load.running + load.waiting - own))
        return "no token has moved" if self._progress.is_stalled(load, time.monotonic()) else None

    def _judge(self, problem: str | None) -> None:
        self._failures = 0 if problem is None else self._failures + 1
        if 0 < self._failures < FAILURES_TO_LEAVE and self._endpoint.is_up:
            return
        self._set(problem)

    def _suspected(self) -> None:
        """A request found nobody there: nobody else is sent until a probe has been answered."""
        self._failures = FAILURES_TO_LEAVE
        self._set("unreachable for a request")
        self._hurry.set()

    def _set(self, problem: str | None) -> None:
        endpoint = self._endpoint
        was_up = endpoint.is_up
        endpoint.problem = problem
        endpoint.is_up = problem is None
        if endpoint.is_up != was_up:
            log.info(
                "upstream_up" if endpoint.is_up else "upstream_down", upstream=endpoint.unique_name, problem=problem
            )
            self._changed()

    async def _pause(self) -> None:
        if self._http is None and self._endpoint.is_up:
            await self._hurry.wait()
            return
        seconds = self._probe_seconds if self._endpoint.is_up else min(self._probe_seconds, DOWN_PROBE_SECONDS)
        # Up to a tenth longer or shorter, so that gateways do not probe in step.
        seconds *= random.uniform(0.9, 1.1)  # noqa: S311 - no secret
        try:
            async with asyncio.timeout(seconds):
                await self._hurry.wait()
        except TimeoutError:
            pass
