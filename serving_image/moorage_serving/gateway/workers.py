"""Many cores: one gateway process per core behind one port, and a parent that keeps them alive."""

from __future__ import annotations

import asyncio
import signal
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

if TYPE_CHECKING:
    import socket
    from collections.abc import Sequence

log = structlog.get_logger("workers")
RESTART_SECONDS = 1.0


class WorkerPool:
    """Starts a worker per listening socket, and again when it ends unasked; passes SIGHUP, SIGTERM and SIGINT on.

    The sockets share one port, and stay open here: connections that come while a worker is started again wait.
    """

    def __init__(self, arguments: Sequence[str], listeners: Sequence[socket.socket]) -> None:
        self._arguments = arguments
        self._listeners = listeners
        self._stopping = asyncio.Event()
        self._processes: dict[int, asyncio.subprocess.Process] = {}

    async def run(self) -> None:
        """Serve until SIGTERM; returns when the last worker has ended."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop)
        loop.add_signal_handler(signal.SIGHUP, self._pass_on, signal.SIGHUP)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGHUP})
        with tempfile.TemporaryDirectory(prefix="moorage-gateway-") as folder:
            async with asyncio.TaskGroup() as tasks:
                for index, listener in enumerate(self._listeners):
                    tasks.create_task(self._keep_alive(index, listener, Path(folder)))

    async def _keep_alive(self, index: int, listener: socket.socket, folder: Path) -> None:
        while not self._stopping.is_set():
            process = await self._start(index, listener, folder)
            code = await process.wait()
            del self._processes[index]
            if not self._stopping.is_set():
                log.error("worker_ended", worker=index, code=code)
                await asyncio.sleep(RESTART_SECONDS)

    async def _start(self, index: int, listener: socket.socket, folder: Path) -> asyncio.subprocess.Process:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "moorage_serving.gateway", "serve", *self._arguments),
            *("--listen-descriptor", str(listener.fileno()), "--metrics-socket", str(folder / f"{index}.sock")),
            pass_fds=[listener.fileno()],
        )
        self._processes[index] = process
        if self._stopping.is_set():  # asked meanwhile
            process.terminate()
        return process

    def _stop(self) -> None:
        self._stopping.set()
        # Where another gateway listens on the port, the kernel must not find these sockets open.
        for listener in self._listeners:
            listener.close()
        self._pass_on(signal.SIGTERM)

    def _pass_on(self, number: signal.Signals) -> None:
        for process in self._processes.values():
            process.send_signal(number)
