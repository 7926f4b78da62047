"""Has engines started that are not up while requests wait for them."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import aiohttp
import structlog
from prometheus_client import Counter

from moorage_serving.gateway.upstream.connections import base_url_of, open_connector

if TYPE_CHECKING:
    from collections.abc import Iterable

    from prometheus_client import CollectorRegistry

    from moorage_serving.gateway.admission.queues import AdmissionQueues
    from moorage_serving.gateway.upstream.route import Route
    from moorage_serving.gateway.upstream.upstream import Upstream

log = structlog.get_logger("activation")
LOOK_SECONDS = 0.1
CALL_AGAIN_SECONDS = 2.0
TIMEOUT_SECONDS = 2.0
ACCEPTED = range(200, 300)


class ActivationMetrics:
    """Labels are configured upstreams."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.calls = Counter(
            "moorage_gateway_activation_calls",
            "Calls of the hooks that start engines. result: accepted, refused or unreachable.",
            ["upstream", "result"],
            registry=registry,
        )


class ActivationHooks:
    """Looks ten times a second whether requests wait for a route without an engine, where there are routes to start.

    Then its upstreams' hooks are called at once and every two seconds, and its engines are probed as fast as they
    answer, so that no request waits for the next ordinary probe. What a hook does wrong, no request notices.
    """

    def __init__(self, queues: AdmissionQueues, metrics: ActivationMetrics) -> None:
        self._queues = queues
        self._metrics = metrics
        self._called_at: dict[str, float] = {}
        self._calls: set[asyncio.Task[None]] = set()
        self._looking: asyncio.Task[None] | None = None

    def watch(self, routes: Iterable[Route]) -> None:
        """Look after these, and no others any more."""
        if self._looking is not None:
            self._looking.cancel()
            self._looking = None
        if startable := [route for route in routes if route.can_be_started]:
            self._looking = asyncio.get_running_loop().create_task(self._look_for_ever(startable))

    async def close(self) -> None:
        """Stop looking; calls under way are given up."""
        self.watch([])
        for call in self._calls:
            call.cancel()
        await asyncio.gather(*self._calls, return_exceptions=True)

    async def _look_for_ever(self, routes: list[Route]) -> None:
        while True:
            for route in routes:
                if self._queues[route.model].queued and route.capacity() == 0:
                    self._start(route)
            await asyncio.sleep(LOOK_SECONDS)

    def _start(self, route: Route) -> None:
        now = time.monotonic()
        for upstream in route.upstreams:
            if upstream.config.activation is None:
                continue
            for endpoint in upstream.endpoints:
                endpoint.suspected()
            address = upstream.config.activation.address
            if address is None:
                continue
            if now - self._called_at.get(upstream.config.name, -CALL_AGAIN_SECONDS) >= CALL_AGAIN_SECONDS:
                self._called_at[upstream.config.name] = now
                call = asyncio.get_running_loop().create_task(self._call(upstream, address))
                self._calls.add(call)
                call.add_done_callback(self._calls.discard)

    async def _call(self, upstream: Upstream, address: str) -> None:
        name = upstream.config.name
        connector = open_connector(address, keep_alive_seconds=None)
        timeout = aiohttp.ClientTimeout(total=TIMEOUT_SECONDS)
        result = "unreachable"
        try:
            async with (
                aiohttp.ClientSession(connector=connector, timeout=timeout) as session,
                session.post(f"{base_url_of(address)}/activate", json={"upstream": name}) as response,
            ):
                result = "accepted" if response.status in ACCEPTED else "refused"
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            log.warning("activation_failed", upstream=name, error=type(error).__name__)
        self._metrics.calls.labels(name, result).inc()
