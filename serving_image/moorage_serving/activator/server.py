"""Runs the interface and the keeper together: one does not go on without the other."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from typing import TYPE_CHECKING

import uvicorn
from prometheus_client import CollectorRegistry

from moorage_serving.activator.application import build_application
from moorage_serving.activator.keeper import EngineKeeper
from moorage_serving.activator.metrics import ActivatorMetrics
from moorage_serving.activator.supervisor import Supervisor

if TYPE_CHECKING:
    from collections.abc import Iterator

    from moorage_serving.activator.settings import ActivatorSettings

END_SIGNALS = (signal.SIGTERM, signal.SIGINT)
GRACEFUL_SECONDS = 2


class ActivatorServer(uvicorn.Server):
    """uvicorn, with SIGTERM as an end that is no failure and leaves time to tidy up."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Called by uvicorn around its life, inside of the event loop."""
        loop = asyncio.get_running_loop()
        for number in END_SIGNALS:
            loop.add_signal_handler(number, setattr, self, "should_exit", True)
        try:
            yield
        finally:
            for number in END_SIGNALS:
                loop.remove_signal_handler(number)


async def serve(settings: ActivatorSettings, socket: str) -> None:
    """Until SIGTERM. Raises what the keeper raises: the supervisor then starts the process anew."""
    registry = CollectorRegistry()
    metrics = ActivatorMetrics(registry)
    async with Supervisor(settings.supervisor_socket, settings.upstream) as supervisor:
        keeper = EngineKeeper(settings, supervisor, metrics)
        application = build_application(settings.upstream, settings.idle_seconds, keeper, registry)
        server = ActivatorServer(
            uvicorn.Config(
                application,
                uds=socket,
                ws="none",
                log_config=None,
                access_log=False,
                server_header=False,
                timeout_graceful_shutdown=GRACEFUL_SECONDS,
            )
        )
        async with asyncio.TaskGroup() as tasks:
            keeping = tasks.create_task(keeper.run())
            await server.serve()
            keeping.cancel()
