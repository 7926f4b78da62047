"""What a gateway process is at this moment: the active configuration, and whether it is going away."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import structlog

from moorage_serving.gateway.config.file import ConfigError, LoadedConfig, load_config
from moorage_serving.gateway.ledger import Ledger
from moorage_serving.gateway.metrics import GatewayMetrics
from moorage_serving.gateway.readiness import Readiness
from moorage_serving.gateway.upstream.generation import Generation

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from pathlib import Path

log = structlog.get_logger("config")


class GatewayState:
    """Created before the event loop; `start` and everything after it runs inside."""

    active: Generation
    readiness: Readiness

    def __init__(self, config_path: Path, loaded: LoadedConfig) -> None:
        self.metrics = GatewayMetrics()
        self.ledger: Ledger | None = None
        self.draining = False
        self.refusing = False
        self._config_path = config_path
        self._first = loaded
        self._retiring: list[Generation] = []
        self._background: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        """Open the engines' connection pools."""
        self._activate(Generation(self._first))
        self._open_ledger()
        self.metrics.watch(lambda: [self.active, *self._retiring])

    def reload(self) -> None:
        """Read the file again. Requests that run stay with what they began with; an invalid file changes nothing."""
        try:
            loaded = load_config(self._config_path)
        except ConfigError as error:
            self.metrics.config_reloads_failed.inc()
            log.error("config_reload_refused", reason=str(error), active_sha256=self.active.loaded.sha256)  # noqa: TRY400
            return
        before = self.active
        self._activate(Generation(loaded, before))
        self._in_background(self._retire(before))
        if loaded.config.redis_url != before.config.redis_url:
            self._close_ledger()
            self._open_ledger()

    async def stop(self) -> None:
        """Close what `start` opened. No request may be running."""
        self._close_ledger()
        self._in_background(self.active.retire())
        await asyncio.gather(*self._background)

    async def _retire(self, generation: Generation) -> None:
        self._retiring.append(generation)
        await generation.retire()
        self._retiring.remove(generation)

    def _activate(self, generation: Generation) -> None:
        self.active = generation
        self.readiness = Readiness(generation)
        self.metrics.config_reloaded_at.set_to_current_time()
        log.info(
            "config_active", sha256=generation.loaded.sha256, upstreams=[u.name for u in generation.config.upstreams]
        )

    def _open_ledger(self) -> None:
        url = self.active.config.redis_url
        self.ledger = Ledger(url, self.metrics) if url is not None else None

    def _close_ledger(self) -> None:
        if self.ledger is not None:
            self._in_background(self.ledger.close())
            self.ledger = None

    def _in_background(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)
