"""Everything that one configuration means at run time. A reload makes a new one beside the old one."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from moorage_serving.gateway.authentication import KeyRing
from moorage_serving.gateway.errors import model_not_found
from moorage_serving.gateway.upstream.canary import Canary
from moorage_serving.gateway.upstream.route import Route
from moorage_serving.gateway.upstream.upstream import Upstream

if TYPE_CHECKING:
    from collections.abc import Callable

    from moorage_serving.gateway.config.file import LoadedConfig
    from moorage_serving.gateway.config.tenants import TenantConfig
    from moorage_serving.gateway.config.upstreams import AnyUpstreamConfig
    from moorage_serving.gateway.upstream.endpoint import Endpoint
    from moorage_serving.gateway.upstream.metrics import UpstreamMetrics

JUDGE_SECONDS = 1.0


class Generation:
    """Keys and engines of one configuration, and how many requests still use them.

    Engines whose configuration did not change are taken over from the generation before, with their open connections
    and counts. The others close when the last request of the last generation that knows them has ended.
    """

    def __init__(
        self, loaded: LoadedConfig, metrics: UpstreamMetrics, workers: int, before: Generation | None = None
    ) -> None:
        self.loaded = loaded
        self.config = loaded.config
        self.created_at_unix_seconds = int(time.time())
        self.keys = KeyRing(self.config)
        self.gateway_processes = workers * self.config.quotas.gateway_replicas
        self.upstreams = self._open_upstreams(before)
        self.routes = self._make_routes(metrics, before)
        self._by_name = {name: route for route in self.routes for name in route.names}
        self._capacities = [route.capacity() for route in self.routes]
        # Called when a route can take more or fewer requests than before, for another reason than requests.
        self.on_capacity_change: Callable[[], None] = lambda: None
        self._judging = asyncio.get_running_loop().create_task(self._judge())
        self.requests = 0
        self._unused = asyncio.Event()
        self._unused.set()

    @property
    def endpoints(self) -> list[Endpoint]:
        return [endpoint for upstream in self.upstreams for endpoint in upstream.endpoints]

    @property
    def names(self) -> list[str]:
        """What clients can ask for, in the configuration's order: models, each with its adapters."""
        return list(self._by_name)

    def route_for(self, name: str, tenant: TenantConfig) -> Route:
        """The engines that serve what is asked for. Raises GatewayError (404) where there are none for the tenant."""
        route = self._by_name.get(name)
        if route is None or not may_use(tenant, name):
            raise model_not_found([name for name in self._by_name if may_use(tenant, name)])
        return route

    def _open_upstreams(self, before: Generation | None) -> list[Upstream]:
        timeouts, processes = self.config.timeouts, self.gateway_processes
        kept: dict[AnyUpstreamConfig, Upstream] = {}
        if before is not None and (before.config.timeouts, before.gateway_processes) == (timeouts, processes):
            kept = {upstream.config: upstream for upstream in before.upstreams}
        upstreams = [kept.get(config) or Upstream(config, timeouts, processes) for config in self.config.upstreams]
        for upstream in upstreams:
            upstream.generations += 1
            upstream.listeners.add(self._endpoints_changed)
        return upstreams

    def _make_routes(self, metrics: UpstreamMetrics, before: Generation | None) -> list[Route]:
        by_model: dict[str, list[Upstream]] = {}
        for upstream in self.upstreams:
            by_model.setdefault(upstream.config.model, []).append(upstream)
        canaries = self._make_canaries(before)
        hedge_after_seconds = self.config.routing.hedge_after_seconds
        return [
            Route(model, upstreams, metrics, canary=canaries.get(model), hedge_after_seconds=hedge_after_seconds)
            for model, upstreams in by_model.items()
        ]

    def _make_canaries(self, before: Generation | None) -> dict[str, Canary]:
        """A canary that did not change is taken over, and stays held. Another share is a new start."""
        known = {} if before is None else {r.canary.config: r.canary for r in before.routes if r.canary is not None}
        return {config.model: known.get(config) or Canary(config) for config in self.config.canaries}

    def _endpoints_changed(self) -> None:
        for route in self.routes:
            route.rebuild()
        self._tell_capacity()

    def _tell_capacity(self) -> None:
        capacities = [route.capacity() for route in self.routes]
        if capacities != self._capacities:
            self._capacities = capacities
            self.on_capacity_change()

    async def _judge(self) -> None:
        """Pauses that engines asked for, breakers' and ejections' end with time: nobody else would notice."""
        while True:
            await asyncio.sleep(JUDGE_SECONDS)
            now = time.monotonic()
            for route in self.routes:
                route.judge(now)
            self._tell_capacity()

    def enter(self) -> None:
        """A request begins to use this generation."""
        self.requests += 1
        self._unused.clear()

    def leave(self) -> None:
        """A request has ended."""
        self.requests -= 1
        if not self.requests:
            self._unused.set()

    async def retire(self) -> None:
        """Wait for the last request, then close every engine that no other generation uses."""
        await self._unused.wait()
        self._judging.cancel()
        await self.keys.close()
        for upstream in self.upstreams:
            upstream.listeners.discard(self._endpoints_changed)
            upstream.generations -= 1
            if not upstream.generations:
                await upstream.close()


def may_use(tenant: TenantConfig, name: str) -> bool:
    return tenant.models is None or name in tenant.models
