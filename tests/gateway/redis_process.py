"""A real Redis server that tests stop, freeze and start again."""

from __future__ import annotations

import signal
import socket
import subprocess
from typing import TYPE_CHECKING, Self

import redis

from .processes import PATIENCE_SECONDS, eventually

if TYPE_CHECKING:
    from pathlib import Path


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class RedisProcess:
    """Listens on a unix socket, and where `arguments` say. Keeps nothing when it ends."""

    def __init__(self, program: str, path: Path, *arguments: str) -> None:
        self.path = path
        self.url = f"unix://{path}"
        self._command = [program, "--port", "0", "--unixsocket", str(path), "--save", "", "--appendonly", "no"]
        self._command += ["--enable-debug-command", "yes", *arguments]

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def start(self) -> None:
        self._process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL, cwd=self.path.parent)
        self.client = redis.Redis(unix_socket_path=str(self.path), decode_responses=True)
        eventually(self._answers)

    def _answers(self) -> bool:
        try:
            return bool(self.client.ping())
        except redis.AuthenticationError:
            return True
        except redis.ConnectionError:
            return False

    def kill(self) -> None:
        self.client.close()
        self._process.kill()
        self._process.wait(PATIENCE_SECONDS)

    def freeze(self) -> None:
        """It keeps its connections, and answers nobody."""
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._process.send_signal(signal.SIGCONT)
