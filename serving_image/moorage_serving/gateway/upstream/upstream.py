"""One entry of the configuration at run time: its endpoints, and what looks after them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import structlog

from moorage_serving.gateway.config.upstreams import OpenAIHttpUpstreamConfig
from moorage_serving.gateway.upstream.discovery import RESOLVE_SECONDS, host_and_port, resolve
from moorage_serving.gateway.upstream.endpoint import Endpoint
from moorage_serving.gateway.upstream.monitor import Monitor
from moorage_serving.gateway.upstream.transport import open_transport

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from moorage_serving.gateway.config.serving import Timeouts
    from moorage_serving.gateway.config.upstreams import AnyUpstreamConfig
    from moorage_serving.gateway.upstream.discovery import Resolve

log = structlog.get_logger("upstream")


class Upstream:
    """Has one endpoint, or with `discovery` one for each address behind its host name.

    `generations` counts the configurations that know it. `listeners` are called when an endpoint comes, goes, gets
    well or ill. `looked_up` is set as soon as the endpoints have been looked for. Made in the event loop; to be closed.
    """

    def __init__(
        self,
        config: AnyUpstreamConfig,
        timeouts: Timeouts,
        gateway_processes: int = 1,
        *,
        resolve: Resolve = resolve,
        resolve_seconds: float = RESOLVE_SECONDS,
    ) -> None:
        self.config = config
        self.endpoints: tuple[Endpoint, ...] = ()
        self.generations = 0
        self.listeners: set[Callable[[], None]] = set()
        self.looked_up = asyncio.Event()
        self._timeouts = timeouts
        self._gateway_processes = gateway_processes
        self._resolve = resolve
        self._resolve_seconds = resolve_seconds
        self._monitors: dict[Endpoint, asyncio.Task[None]] = {}
        self._leaving: list[Endpoint] = []
        self._discovery: asyncio.Task[None] | None = None
        if isinstance(config, OpenAIHttpUpstreamConfig) and config.discovery == "dns":
            self._discovery = start(self._discover(config))
        else:
            self._add(Endpoint(config, open_transport(config, timeouts), gateway_processes))
            self.looked_up.set()

    @property
    def busy_connections(self) -> int:
        return sum(endpoint.transport.busy_connections for endpoint in self._all())

    @property
    def idle_connections(self) -> int:
        return sum(endpoint.transport.idle_connections for endpoint in self._all())

    @property
    def in_flight(self) -> int:
        return sum(endpoint.in_flight for endpoint in self._all())

    async def close(self) -> None:
        """Stop looking after endpoints and close idle connections. No request may be in flight."""
        tasks = [*self._monitors.values(), *([self._discovery] if self._discovery else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for endpoint in self._all():
            await endpoint.transport.close()

    def _all(self) -> list[Endpoint]:
        return [*self.endpoints, *self._leaving]

    def _changed(self) -> None:
        for listener in list(self.listeners):
            listener()

    def _add(self, endpoint: Endpoint) -> None:
        self.endpoints = (*self.endpoints, endpoint)
        self._monitors[endpoint] = start(Monitor(endpoint, self._changed).run())

    def _remove(self, endpoint: Endpoint) -> None:
        """It gets no new request. Those that it has go on."""
        self.endpoints = tuple(other for other in self.endpoints if other is not endpoint)
        self._monitors.pop(endpoint).cancel()
        self._leaving.append(endpoint)

    async def _discover(self, config: OpenAIHttpUpstreamConfig) -> None:
        while True:
            try:
                self._take_over(config, await self._resolve(*host_and_port(config.address)))
            except OSError as error:
                # A name server that is down must not take engines away that are up.
                log.warning("upstream_not_resolved", upstream=config.name, error=type(error).__name__)
            except Exception:
                log.exception("upstream_discovery_failed", upstream=config.name)
            self.looked_up.set()
            await self._close_those_that_left()
            await asyncio.sleep(self._resolve_seconds)

    def _take_over(self, config: OpenAIHttpUpstreamConfig, addresses: list[str]) -> None:
        known = {endpoint.unique_name: endpoint for endpoint in self.endpoints}
        wanted = {f"{config.name}/{address}": address for address in addresses}
        joined, left = wanted.keys() - known.keys(), known.keys() - wanted.keys()
        for name in sorted(joined):
            transport = open_transport(config, self._timeouts, only_address=wanted[name])
            self._add(Endpoint(config, transport, self._gateway_processes, name))
        for name in left:
            self._remove(known[name])
        if joined or left:
            log.info("upstream_endpoints", upstream=config.name, joined=sorted(joined), left=sorted(left))
            self._changed()

    async def _close_those_that_left(self) -> None:
        for endpoint in [endpoint for endpoint in self._leaving if not endpoint.in_flight]:
            # In this order: who closes the upstream meanwhile still knows of the endpoint.
            await endpoint.transport.close()
            self._leaving.remove(endpoint)


def start(work: Coroutine[None, None, None]) -> asyncio.Task[None]:
    return asyncio.get_running_loop().create_task(work)
