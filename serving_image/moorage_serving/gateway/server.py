"""Runs the application: listening socket, signals, graceful end."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import resource
import signal
import socket
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog
import uvicorn

from moorage_serving.gateway.application import Application
from moorage_serving.gateway.protocol import GatewayProtocol

if TYPE_CHECKING:
    from collections.abc import Iterator

    from moorage_serving.gateway.state import GatewayState

log = structlog.get_logger("server")
BACKLOG = 2048
MAX_OPEN_FILES = 65_536
KEEP_ALIVE_SECONDS = 75
"""Longer than the idle timeout of common load balancers (60 seconds), so that it is they who close."""
FAREWELL_SECONDS = 1.0
CONNECTION_CLOSE = (b"connection", b"close")
END_SIGNALS = (signal.SIGTERM, signal.SIGINT)


@dataclass(frozen=True)
class DrainBudget:
    """What happens after SIGTERM, in seconds.

    From the signal on /ready answers 503 and every answer closes its connection, but all is served for
    `propagation_seconds`: load balancers learn with a delay. Then new requests are answered 503 with Retry-After, and
    open requests have `drain_seconds` to finish. `leaves_port_at_once`: another process listens on the port, so new
    connections are its own from the signal on, and what still comes on old ones is served.
    """

    propagation_seconds: float
    drain_seconds: int
    leaves_port_at_once: bool


class GatewayServer(uvicorn.Server):
    """uvicorn, with SIGHUP as reload, and SIGTERM as an end that is no failure."""

    def __init__(self, state: GatewayState, budget: DrainBudget, keep_alive_seconds: int = KEEP_ALIVE_SECONDS) -> None:
        self._state = state
        self._budget = budget
        self._leaving: asyncio.Task[None] | None = None
        self._listeners: list[socket.socket] = []
        self._adopted: list[asyncio.Task[object]] = []
        super().__init__(
            uvicorn.Config(
                Application(state),
                loop="uvloop",
                http=GatewayProtocol,
                ws="none",
                lifespan="on",
                log_config=None,
                access_log=False,
                proxy_headers=False,
                server_header=False,
                backlog=BACKLOG,
                timeout_keep_alive=keep_alive_seconds,
                timeout_graceful_shutdown=budget.drain_seconds,
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
        if self._state.draining:
            return
        log.info("draining", propagation_seconds=self._budget.propagation_seconds, seconds=self._budget.drain_seconds)
        self._state.draining = True
        self.config.encoded_headers.append(CONNECTION_CLOSE)
        self.server_state.default_headers = [*self.server_state.default_headers, CONNECTION_CLOSE]
        if self._budget.leaves_port_at_once:
            self._leave_port()
        untold = list(self.server_state.tasks)
        self._leaving = asyncio.get_running_loop().create_task(self._leave(untold))

    async def _leave(self, untold: list[asyncio.Task[None]]) -> None:
        """`untold`: answers that began before the signal, whose clients have not been told to close.

        Such a client may send its next request in the moment in which its connection is closed. So open connections
        outlive these answers by a second, in which the next answer tells.
        """
        budget, began_at = self._budget, time.monotonic()
        await asyncio.sleep(budget.propagation_seconds)
        # Where another process has the port, only clients come that could not know: they are served.
        self._state.refusing = not budget.leaves_port_at_once
        if untold:
            await asyncio.wait(untold, timeout=budget.drain_seconds)
            await asyncio.sleep(FAREWELL_SECONDS)
        for connection in list(self.server_state.connections):
            connection.shutdown()
        left_seconds = budget.propagation_seconds + budget.drain_seconds - (time.monotonic() - began_at)
        if open_requests := list(self.server_state.tasks):
            await asyncio.wait(open_requests, timeout=max(0.0, left_seconds))
        # What is still open is cut at once; without a second, uvicorn would say so even where nothing is.
        self.config.timeout_graceful_shutdown = 0 if self.server_state.tasks else 1
        self.should_exit = True

    def _leave_port(self) -> None:
        """The kernel then gives new connections to the process that takes over."""
        for listener in self._listeners:
            self._adopt_waiting_connections(listener)
        for listening in self.servers:
            listening.close()

    def _adopt_waiting_connections(self, listener: socket.socket) -> None:
        """The kernel resets connections that nobody has accepted when their socket is closed."""
        loop = asyncio.get_running_loop()
        listener.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while True:
                connection, _ = listener.accept()
                self._adopted.append(loop.create_task(loop.connect_accepted_socket(self._protocol, connection)))

    def _protocol(self) -> asyncio.Protocol:
        return GatewayProtocol(self.config, self.server_state, self.lifespan.state)


def raise_limit_of_open_files() -> None:
    """As far as this process may: a stream takes two, and the usual 1,024 would end at 500 streams."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MAX_OPEN_FILES if hard == resource.RLIM_INFINITY else min(hard, MAX_OPEN_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


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
