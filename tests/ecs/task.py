"""Runs a task definition's container as processes of this machine, as ECS' agent and Docker would.

What a container has of its own, and a process has not, is put in by name: its port, and the folders of its volumes.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import psutil

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_START_SECONDS = 300
_SHARED_MEMORY = "/dev/shm/"  # noqa: S108 - where the kernel has it


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@dataclass
class Task:
    """One container of a task definition. Use as a context manager."""

    definition: Mapping[str, Any]
    """As RegisterTaskDefinition takes it."""
    folder: Path
    """For its volumes and its log."""
    path: str
    """Where its programs are: the image's."""
    port: int = field(default_factory=free_port)
    stop_seconds: float | None = None
    """How long it took from SIGTERM to its end."""

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text()

    def __enter__(self) -> Self:
        self.folder.mkdir()
        for mount in self.definition["mountPoints"]:
            (self.folder / mount["sourceVolume"]).mkdir()
        with (self.folder / "log").open("wb") as log:
            self.process = subprocess.Popen(
                [*self._own(self.definition.get("entryPoint", [])), *self._own(self.definition["command"])],
                env=self._environment(),
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def is_healthy(self) -> bool:
        """By its own health check, within its own timeout."""
        check = self.definition["healthCheck"]
        kind, *command = check["command"]
        assert kind == "CMD"
        done = subprocess.run(
            self._own(command), env=self._environment(), check=False, capture_output=True, timeout=check["timeout"] * 4
        )
        return done.returncode == 0

    def wait_until_healthy(self) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while not self.is_healthy():
            assert self.process.poll() is None, self.log
            assert time.monotonic() < deadline, self.log
            time.sleep(1)

    @property
    def shared_memory_bytes(self) -> int:
        """Of all that its processes have in `/dev/shm`, used or not."""
        processes = [psutil.Process(self.process.pid), *psutil.Process(self.process.pid).children(recursive=True)]
        sizes: dict[str, int] = {}
        for process in processes:
            for line in Path(f"/proc/{process.pid}/maps").read_text().splitlines():
                span, _, _, _, inode, *path = line.split(maxsplit=5)
                if path and path[0].startswith(_SHARED_MEMORY):
                    first, last = (int(address, 16) for address in span.split("-"))
                    sizes[inode] = max(sizes.get(inode, 0), last - first)
        return sum(sizes.values())

    def begin_to_stop(self) -> None:
        """What `docker stop` does first; the container's init passes it on to the one process that it has started."""
        self._stopped_at = time.monotonic()
        self.process.send_signal(signal.SIGTERM)

    def wait_until_stopped(self) -> int:
        """Its exit code. Raises `subprocess.TimeoutExpired` where ECS would kill it."""
        code = self.process.wait(timeout=self.definition["stopTimeout"])
        self.stop_seconds = time.monotonic() - self._stopped_at
        return code

    def _own(self, words: Sequence[str]) -> list[str]:
        """With this task's port: as an argument of its own, and in addresses."""
        own = str(self.definition["portMappings"][0]["containerPort"])
        return [str(self.port) if word == own else word.replace(f"127.0.0.1:{own}", self.address[7:]) for word in words]

    def _environment(self) -> dict[str, str]:
        folders = {f"/{mount['sourceVolume']}": self.folder for mount in self.definition["mountPoints"]}
        given = {each["name"]: each["value"] for each in self.definition["environment"]}
        moved = {
            name: f"{self.folder}{value}" if any(value.startswith(folder) for folder in folders) else value
            for name, value in given.items()
        }
        return {"PATH": self.path, "TMPDIR": str(self.folder / "tmp"), **moved}


def container_of(task_definition: Mapping[str, Any]) -> Mapping[str, Any]:
    """The one container of what a component has registered."""
    (found,) = json.loads(task_definition["containerDefinitions"])
    return found
