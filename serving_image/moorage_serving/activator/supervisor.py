"""The supervisord that runs the engine, over its XML-RPC interface (supervisord.org/api.html, read 2026-11-23)."""

from __future__ import annotations

import xmlrpc.client
from enum import Enum, auto
from typing import TYPE_CHECKING

import aiohttp

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

# supervisor.xmlrpc.Faults, 4.3.0
ALREADY_STARTED, NOT_RUNNING = 60, 70
TIMEOUT_SECONDS = 10.0


class SupervisorError(Exception):
    """supervisord cannot be reached, or refuses."""


class ProcessState(Enum):
    """What supervisord's states (supervisord.org/subprocess.html) mean to whoever wants the process up or down."""

    DOWN = auto()
    GIVEN_UP = auto()
    """Down, after it failed to start several times."""
    RETRYING = auto()
    """Down, and started again in a moment."""
    UP = auto()
    STOPPING = auto()


# A program that ended by itself is restarted: a local stack's definitions say so (autorestart).
_STATES = {
    "STOPPED": ProcessState.DOWN,
    "EXITED": ProcessState.RETRYING,
    "UNKNOWN": ProcessState.DOWN,
    "FATAL": ProcessState.GIVEN_UP,
    "BACKOFF": ProcessState.RETRYING,
    "STARTING": ProcessState.UP,
    "RUNNING": ProcessState.UP,
    "STOPPING": ProcessState.STOPPING,
}


class Supervisor:
    """Use as an async context manager."""

    def __init__(self, socket: str, program: str) -> None:
        self._socket = socket
        self._program = program

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.UnixConnector(self._socket, force_close=True),
            timeout=aiohttp.ClientTimeout(total=TIMEOUT_SECONDS),
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._session.close()

    async def state(self) -> ProcessState:
        """Raises SupervisorError."""
        answer = await self._call("getProcessInfo", self._program)
        if not isinstance(answer, dict):
            raise SupervisorError(f"getProcessInfo answered a {type(answer).__name__}")
        return _STATES[str(answer["statename"])]

    async def start(self) -> None:
        """Does not wait; nothing happens where it runs. Raises SupervisorError."""
        await self._call("startProcess", self._program, False, harmless=ALREADY_STARTED)

    async def stop(self) -> None:
        """SIGTERM, and SIGKILL after the time that the program's definition gives it. Does not wait.

        Nothing happens where it does not run. Raises SupervisorError.
        """
        await self._call("stopProcess", self._program, False, harmless=NOT_RUNNING)

    async def _call(self, method: str, *arguments: str | bool, harmless: int | None = None) -> object:
        request = xmlrpc.client.dumps(arguments, f"supervisor.{method}")
        try:
            async with self._session.post("http://localhost/RPC2", data=request.encode()) as answer:
                (result,), _ = xmlrpc.client.loads(await answer.text())
        except xmlrpc.client.Fault as fault:
            if fault.faultCode == harmless:
                return None
            raise SupervisorError(f"{method}: {fault.faultString}") from fault
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise SupervisorError(f"{method}: {type(error).__name__}") from error
        return result
