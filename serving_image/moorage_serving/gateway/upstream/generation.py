"""Everything that one configuration means at run time. A reload makes a new one beside the old one."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from moorage_serving.gateway.authentication import KeyRing
from moorage_serving.gateway.errors import model_not_found
from moorage_serving.gateway.upstream.endpoint import Endpoint
from moorage_serving.gateway.upstream.route import Route
from moorage_serving.gateway.upstream.transport import open_transport

if TYPE_CHECKING:
    from moorage_serving.gateway.config.file import LoadedConfig
    from moorage_serving.gateway.config.tenants import TenantConfig
    from moorage_serving.gateway.config.upstreams import AnyUpstreamConfig
    from moorage_serving.gateway.upstream.metrics import UpstreamMetrics


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
        self.endpoints = self._open_endpoints(workers, before)
        self.routes = [Route(model, pools, metrics) for model, pools in pools_by_model(self.endpoints).items()]
        self._by_name = {name: route for route in self.routes for name in route.names}
        self.requests = 0
        self._unused = asyncio.Event()
        self._unused.set()

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

    def _open_endpoints(self, workers: int, before: Generation | None) -> list[Endpoint]:
        timeouts = self.config.timeouts
        kept: dict[AnyUpstreamConfig, Endpoint] = {}
        if before is not None and before.config.timeouts == timeouts:
            kept = {endpoint.config: endpoint for endpoint in before.endpoints}
        endpoints = [
            kept.get(config) or Endpoint(config, open_transport(config, timeouts), workers)
            for config in self.config.upstreams
        ]
        for endpoint in endpoints:
            endpoint.generations += 1
        return endpoints

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
        for endpoint in self.endpoints:
            endpoint.generations -= 1
            if not endpoint.generations:
                await endpoint.transport.close()


def may_use(tenant: TenantConfig, name: str) -> bool:
    return tenant.models is None or name in tenant.models


def pools_by_model(endpoints: list[Endpoint]) -> dict[str, list[list[Endpoint]]]:
    """Endpoints of one model and pool together, pools in the order of their first members."""
    models: dict[str, dict[str, list[Endpoint]]] = {}
    for endpoint in endpoints:
        pools = models.setdefault(endpoint.config.model, {})
        # A pool's name cannot have a slash, so that a lone endpoint's cannot be the same.
        pools.setdefault(endpoint.config.pool or f"/{endpoint.name}", []).append(endpoint)
    return {model: list(pools.values()) for model, pools in models.items()}
