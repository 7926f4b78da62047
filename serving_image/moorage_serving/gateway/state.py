"""What a gateway process is at this moment: the active configuration, and whether it is going away."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import structlog

from moorage_serving.gateway.activation.hooks import ActivationHooks, ActivationMetrics
from moorage_serving.gateway.admission.queues import AdmissionQueues
from moorage_serving.gateway.config.file import ConfigError, LoadedConfig, load_config
from moorage_serving.gateway.metrics import GatewayMetrics
from moorage_serving.gateway.readiness import Readiness
from moorage_serving.gateway.services import ServiceMetrics, Services
from moorage_serving.gateway.telemetry.cloudwatch_metrics import CloudWatchMetrics
from moorage_serving.gateway.telemetry.load import read_load
from moorage_serving.gateway.upstream.generation import Generation
from moorage_serving.gateway.upstream.metrics import UpstreamMetrics
from moorage_serving.gateway.worker_metrics import WorkerMetrics

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from pathlib import Path

    from moorage_serving.gateway.config.source import ConfigSource

log = structlog.get_logger("config")


class GatewayState:
    """Created before the event loop; `start` and everything after it runs inside.

    `draining`: the process will end, others should send no more. `refusing`: new requests are not served any more.
    """

    active: Generation
    services: Services
    readiness: Readiness

    def __init__(
        self, source: ConfigSource, loaded: LoadedConfig, workers: int = 1, metrics_socket: Path | None = None
    ) -> None:
        self.metrics = GatewayMetrics()
        self._worker_metrics = None if metrics_socket is None else WorkerMetrics(metrics_socket, self.metrics.render)
        self.draining = False
        self.refusing = False
        self.queues = AdmissionQueues()
        self._hooks = ActivationHooks(self.queues, ActivationMetrics(self.metrics.registry))
        self._service_metrics = ServiceMetrics(self.metrics.registry)
        self._upstream_metrics = UpstreamMetrics(self.metrics.registry)
        self._cloudwatch = CloudWatchMetrics(
            self.metrics.request_totals, lambda: read_load(self.queues, self.active.routes, self.services.redis)
        )
        self._workers = workers
        self._source = source
        self._first = loaded
        self._retiring: list[Generation] = []
        self._background: set[asyncio.Task[None]] = set()
        self._retirement: asyncio.Task[None] | None = None

    async def render_metrics(self) -> bytes:
        """The text exposition of the whole gateway, all its workers together."""
        return self.metrics.render() if self._worker_metrics is None else await self._worker_metrics.gather()

    async def start(self) -> None:
        """Open the engines' connection pools, and what else the configuration asks for."""
        self.services = Services(self._first.config, self._service_metrics, self._workers)
        self._activate(Generation(self._first, self._upstream_metrics, self._workers))
        self.metrics.watch(lambda: [self.active, *self._retiring], self.queues)
        self._upstream_metrics.watch(lambda: self.active.routes)
        if self._worker_metrics is not None:
            await self._worker_metrics.start()

    def reload(self) -> None:
        """Read the document again. Requests that run stay with what they began with; an invalid one changes nothing."""
        try:
            loaded = load_config(self._source)
        except ConfigError as error:
            self.metrics.config_reloads_failed.inc()
            log.error("config_reload_refused", reason=str(error), active_sha256=self.active.loaded.sha256)  # noqa: TRY400
            return
        generation, services = self.active, self.services
        self.services = Services(loaded.config, self._service_metrics, self._workers, services)
        self._activate(Generation(loaded, self._upstream_metrics, self._workers, generation))
        self._retirement = self._in_background(self._retire(generation, services, self.services, self._retirement))

    async def stop(self) -> None:
        """Close what `start` opened. No request may be running."""
        await self._hooks.close()
        await self.services.end_answers()
        self._in_background(self.active.retire())
        await asyncio.gather(*self._background)
        await self._cloudwatch.close()
        await self.services.close()
        if self._worker_metrics is not None:
            await self._worker_metrics.stop()

    async def _retire(
        self, generation: Generation, services: Services, successor: Services, earlier: asyncio.Task[None] | None
    ) -> None:
        self._retiring.append(generation)
        await generation.retire()
        self._retiring.remove(generation)
        # What these services took over from those before them may still be in use by requests of that time.
        if earlier is not None:
            await asyncio.wait([earlier])
        await services.close(successor)

    def _activate(self, generation: Generation) -> None:
        self.active = generation
        generation.on_capacity_change = self.queues.limits_changed
        self.metrics.requests.tenants.configure(generation.keys.tenant_ids)
        limits = {route.model: route.capacity for route in generation.routes}
        self.queues.configure(generation.config.admission, limits)
        self._hooks.watch(generation.routes)
        self.readiness = Readiness(generation)
        stack = generation.config.cloudwatch_metrics
        self._cloudwatch.configure(None if stack is None else stack.stack)
        self.metrics.config_reloaded_at.set_to_current_time()
        log.info(
            "config_active", sha256=generation.loaded.sha256, upstreams=[u.name for u in generation.config.upstreams]
        )

    def _in_background(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)
        return task
