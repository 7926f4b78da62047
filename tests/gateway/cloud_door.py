"""What the front doors of the clouds have in common: a server before the fake engine."""

from __future__ import annotations

import aiohttp
from aiohttp import web


class CloudDoor:
    """A front door on this machine, and its own connections to the engine."""

    async def serve(self, application: web.Application) -> str:
        """Start; the address."""
        self._container = aiohttp.ClientSession()
        self._runner = web.AppRunner(application, handler_cancellation=True, access_log=None, shutdown_timeout=0)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        return f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    def close_connections(self) -> None:
        """What a front door does with idle connections when one of its machines goes."""
        for connection in self._runner.server.connections if self._runner.server else []:
            if connection.transport is not None:
                connection.transport.close()

    async def stop(self) -> None:
        await self._runner.cleanup()
        await self._container.close()
