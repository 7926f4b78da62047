"""Runs a container of a task definition as Amazon ECS does: its command, its environment, its health check, its end."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Self

from .processes import REPOSITORY

if TYPE_CHECKING:
    from collections.abc import Sequence

# As serving_image/Dockerfile has it; `python` is the image's own there.
ENTRY_POINT = ("python", "-m", "moorage_serving.gateway")


class EcsTask:
    """A task with one container, in a place with nothing but what its definition gives it. Use as a context manager.

    `secrets`: what Secrets Manager holds, by the variables that the definition names. The port alone is another than
    the definition says, wherever it stands: tasks have each an address of their own, and processes here have not.
    """

    def __init__(self, definition: dict[str, Any], secrets: dict[str, str]) -> None:
        (port,) = definition["portMappings"]
        self.definition, self._usual_port, self.port = definition, str(port["containerPort"]), _free_port()
        assert {pair["name"] for pair in definition["secrets"]} == set(secrets)
        variables = {pair["name"]: pair["value"] for pair in definition["environment"]}
        self._environment = {"PYTHONPATH": str(REPOSITORY / "serving_image"), **variables, **secrets}

    def __enter__(self) -> Self:
        program, *options = self.definition.get("entryPoint", ENTRY_POINT)
        assert program == "python"
        self.process = subprocess.Popen(
            [sys.executable, *options, *self._at_own_port(self.definition["command"])],
            env=self._environment,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        )
        return self

    def __exit__(self, *_: object) -> None:
        self._kill()
        self.process.wait()

    def is_healthy(self) -> bool:
        """What the container's own command says within its timeout."""
        check = self.definition["healthCheck"]
        kind, program, *arguments = self._at_own_port(check["command"])
        assert (kind, program) == ("CMD", "python")
        try:
            result = subprocess.run(
                [sys.executable, *arguments],
                env={"PATH": os.defpath},
                check=False,
                capture_output=True,
                timeout=check["timeout"],
            )
        except subprocess.TimeoutExpired:
            return False
        return result.returncode == 0

    def become_healthy(self) -> None:
        """Within the start period of its health check."""
        until = time.monotonic() + self.definition["healthCheck"]["startPeriod"]
        while not self.is_healthy():
            assert time.monotonic() < until, "it was not healthy within its start period"
            time.sleep(0.2)

    def stop(self) -> int:
        """The stop signal, and the kill once the stop timeout is over; the exit code, negative where it was killed."""
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(self.definition["stopTimeout"])
        except subprocess.TimeoutExpired:
            self._kill()
            return self.process.wait()

    def _kill(self) -> None:
        """With all that it has started, as where a container's first process ends."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)

    def _at_own_port(self, arguments: Sequence[str]) -> list[str]:
        return [argument.replace(self._usual_port, str(self.port)) for argument in arguments]


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]
