"""Runs the application: listening socket, signals, graceful end."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import signal
import socket
import time
from typing import TYPE_CHECKING

import structlog
import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from moorage_serving.gateway.application import Application

if TYPE_CHECKING:
    from collections.abc import Iterator

    from moorage_serving.gateway.state import GatewayState

log = structlog.get_logger("server")
BACKLOG = 2048
# Longer than the idle timeout of common load balancers (60 seconds), so that it is they who close.
KEEP_ALIVE_SECONDS = 75
FAREWELL_SECONDS = 1.0
CONNECTION_CLOSE = (b"connection", b"close")
END_SIGNALS = (signal.SIGTERM, signal.SIGINT)


class GatewayServer(uvicorn.Server):
    """uvicorn, with SIGHUP as reload, and SIGTERM as an end that is no failure."""

    def __init__(self, state: GatewayState, *, drain_seconds: int) -> None:
        self._state = state
        self._drain_seconds = drain_seconds
        self._farewell: asyncio.Task[None] | None = None
        self._listeners: list[socket.socket] = []
        self._adopted: list[asyncio.Task[object]] = []
        super().__init__(
            uvicorn.Config(
                Application(state),
                loop="uvloop",
                http="httptools",
                ws="none",
                lifespan="on",
                log_config=None,
                access_log=False,
                proxy_headers=False,
                server_header=False,
                backlog=BACKLOG,
                timeout_keep_alive=KEEP_ALIVE_SECONDS,
                timeout_graceful_shutdown=drain_seconds,
            )
        )

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Called by uvicorn around its life, inside of the event loop."""
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGHUP, self._state.reload)
        for number in END_SIGNALS:
            loop.add_signal_handler(number, self._drain)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGHUP})
        try:
            yield
        finally:
            for number in (signal.SIGHUP, *END_SIGNALS):
                loop.remove_signal_handler(number)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        self._listeners = sockets or []
        await super().startup(sockets)
        # What was imported and built stays for ever: the collector need not walk it again and again.
        gc.collect()
        gc.freeze()
        for listener in self._listeners:
            host, port = listener.getsockname()[:2]
            log.info("listening", host=host, port=port)

    def _drain(self) -> None:
        """New connections go elsewhere at once; clients on open ones are told to with the next answer."""
        if self._state.draining:
            return
        log.info("draining", drain_seconds=self._drain_seconds)
        self._state.draining = True
        # The kernel then gives new connections to the process that takes over.
        for listener in self._listeners:
            self._adopt_waiting_connections(listener)
        for listening in self.servers:
            listening.close()
        self.config.encoded_headers.append(CONNECTION_CLOSE)
        self.server_state.default_headers = [*self.server_state.default_headers, CONNECTION_CLOSE]
        self._farewell = asyncio.get_running_loop().create_task(self._exit_after_farewell())

    async def _exit_after_farewell(self) -> None:
        """uvicorn closes connections when it exits, also one on which the next request is on its way.

        So it waits for the answers that began before the drain, whose clients have not been told, and a second more.
        """
        began = time.monotonic()
        if untold := list(self.server_state.tasks):
            await asyncio.wait(untold, timeout=self._drain_seconds)
        await asyncio.sleep(FAREWELL_SECONDS)
        left = self._drain_seconds - (time.monotonic() - began)
        self.config.timeout_graceful_shutdown = max(0, round(left))
        self.should_exit = True

    def _adopt_waiting_connections(self, listener: socket.socket) -> None:
        """The kernel resets connections that nobody has accepted when their socket is closed."""
        loop = asyncio.get_running_loop()
        listener.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while True:
                connection, _ = listener.accept()
                self._adopted.append(loop.create_task(loop.connect_accepted_socket(self._protocol, connection)))

    def _protocol(self) -> asyncio.Protocol:
        return HttpToolsProtocol(self.config, self.server_state, self.lifespan.state)


def listen(host: str, port: int, *, reuse_port: bool) -> socket.socket:
    """A listening socket. Raises OSError when the address cannot be had."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if reuse_port:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        listener.bind((host, port))
        # Listening before the application starts would accept connections that nobody serves yet.
    except OSError:
        listener.close()
        raise
    return listener
