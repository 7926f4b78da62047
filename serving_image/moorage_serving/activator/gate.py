"""Takes an engine's socket out of the way before it is stopped, so that no request can meet an engine that ends.

An engine that ends still listens, and answers what comes with an error (vLLM 0.32.0: 500, tried 2026-11-23). Without
its socket it cannot be reached: a gateway holds the request and asks for the engine. Connections that are open go on.
"""

from __future__ import annotations

from pathlib import Path

# st_state in net/unix/af_unix.c: not yet accepted, and accepted.
_OPEN_STATES = frozenset({"02", "03"})
_STATE_COLUMN, _PATH_COLUMN = 5, 7


class Gate:
    """The socket is where clients look for it, or at a name that nobody knows."""

    def __init__(self, socket: str, withdrawn: str) -> None:
        self._socket = Path(socket)
        self._withdrawn = Path(withdrawn)

    def close(self) -> None:
        """Nobody connects any more."""
        self._socket.rename(self._withdrawn)

    def open(self) -> None:
        """Takes `close` back. Leaves an engine alone that has been started since."""
        if self._withdrawn.exists() and not self._socket.exists():
            self._withdrawn.rename(self._socket)

    def remove(self) -> None:
        """For an engine that has ended."""
        self._withdrawn.unlink(missing_ok=True)


def open_connections(socket: str, table: Path = Path("/proc/net/unix")) -> int:
    """How many connections the process that listens on `socket` has, accepted or waiting to be (proc_net_unix(5)).

    The kernel names them by the path that was bound, wherever the socket has been moved to.
    """
    rows = (line.split(maxsplit=_PATH_COLUMN) for line in table.read_text().splitlines()[1:])
    return sum(
        len(row) > _PATH_COLUMN and row[_PATH_COLUMN] == socket and row[_STATE_COLUMN] in _OPEN_STATES for row in rows
    )
