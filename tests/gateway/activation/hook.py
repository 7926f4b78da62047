"""A hook that a test looks into: it keeps the calls, and answers as it is told."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from aiohttp import web

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType
    from typing import Self


class Hook:
    """Use as an async context manager. `calls` are the bodies that have come."""

    def __init__(self, socket: Path, *, status: int = 202, silent: bool = False) -> None:
        self.address = f"unix://{socket}"
        self.calls: list[object] = []
        self._socket = socket
        self._status = status
        self._silent = silent

    async def __aenter__(self) -> Self:
        application = web.Application()
        application.add_routes([web.post("/activate", self._activate)])
        self._runner = web.AppRunner(application, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.UnixSite(self._runner, str(self._socket)).start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._runner.cleanup()

    async def _activate(self, request: web.Request) -> web.Response:
        self.calls.append(await request.json())
        if self._silent:
            await asyncio.Event().wait()
        return web.Response(status=self._status)
