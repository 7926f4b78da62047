"""A balancer that lets go of its targets as Amazon's does: no new connections, and time for the open ones."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, field


@dataclass
class Target:
    """A port, and the connections to it."""

    port: int
    connections: set[asyncio.Task[None]] = field(default_factory=set)


class DrainingBalancer:
    """Each connection goes to the target that has the fewest. Its coroutines run in one event loop."""

    def __init__(self) -> None:
        self._targets: dict[int, Target] = {}
        self.cut = 0
        """Connections that were still open when a target's time was over."""

    async def start(self) -> int:
        """The port on which it listens."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        return self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        self._server.close()

    async def register(self, port: int) -> None:
        self._targets[port] = Target(port)

    async def deregister(self, port: int, delay_seconds: float) -> None:
        """Ends once the target has no connection any more, at the latest after the delay, which cuts those left."""
        target = self._targets.pop(port)
        if target.connections:
            _, left = await asyncio.wait(target.connections, timeout=delay_seconds)
            self.cut += len(left)
            for connection in left:
                connection.cancel()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        target = min(self._targets.values(), key=lambda target: len(target.connections))
        connection = asyncio.current_task()
        assert connection is not None
        target.connections.add(connection)
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", target.port)
            async with asyncio.TaskGroup() as both:
                both.create_task(_pass_on(reader, far_writer))
                both.create_task(_pass_on(far_reader, writer))
        finally:
            target.connections.discard(connection)


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while chunk := await reader.read(65_536):
            writer.write(chunk)
            await writer.drain()
    with contextlib.suppress(ConnectionError):
        writer.close()
        await writer.wait_closed()
