"""A Pulumi stack in a temporary folder, driven by the literal CLI."""

import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil

from moorage.local.layout import StackLayout
from tests.stack_processes import processes_of

ROOT = Path(__file__).resolve().parents[2]
PULUMI = ROOT / ".venv" / "bin" / "pulumi"
SMALL_SERVER = Path(__file__).parent / "small_server.py"
NEVER_LOADED = ["--load-seconds", "600"]
"""Arguments of the small server."""
REDIS_SERVER = ROOT / ".tools" / "redis-server"


class Stack:
    """One stack with its own state, program and processes."""

    def __init__(self, folder: Path, **scenario: object) -> None:
        self.folder = folder
        self.layout = StackLayout(folder / "stack")
        shutil.copytree(Path(__file__).parent / "project", folder / "project")
        self._scenario: dict[str, object] = {
            "directory": str(self.layout.directory),
            "server": str(SMALL_SERVER),
            **scenario,
        }
        self._environment = {
            **os.environ,
            "PULUMI_BACKEND_URL": f"file://{folder}",
            "PULUMI_CONFIG_PASSPHRASE": "",
            "PULUMI_HOME": str(folder / "pulumi-home"),
        }
        self.configure()
        self.run("stack", "init", "test")

    def configure(self, **scenario: object) -> None:
        """Changes what the next `up` finds in the program."""
        self._scenario.update(scenario)
        (self.folder / "project" / "scenario.json").write_text(json.dumps(self._scenario))

    def run(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """The CLI; raises with its output when it fails, unless that is expected."""
        result = subprocess.run(
            [PULUMI, "--non-interactive", *arguments],
            cwd=self.folder / "project",
            env=self._environment,
            capture_output=True,
            text=True,
        )
        if check and result.returncode != 0:
            raise AssertionError(f"pulumi {' '.join(arguments)}:\n{result.stdout}\n{result.stderr}")
        return result

    def up(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        return self.run("up", "--yes", "--skip-preview", "--stack", "test", *arguments, check=check)

    def refresh(self) -> subprocess.CompletedProcess[str]:
        return self.run("refresh", "--yes", "--stack", "test")

    def destroy(self) -> subprocess.CompletedProcess[str]:
        return self.run("destroy", "--yes", "--stack", "test")

    def outputs(self) -> dict[str, str]:
        return json.loads(self.run("stack", "output", "--json", "--show-secrets", "--stack", "test").stdout)

    def processes(self) -> list[psutil.Process]:
        return processes_of(self.layout)

    def kill(self, command: str) -> None:
        """Kills the processes with this in their command line."""
        for process in self.processes():
            if command in " ".join(process.cmdline()):
                process.send_signal(signal.SIGKILL)
                process.wait()


def supervisorctl(stack: Stack, *arguments: str) -> None:
    """The supervisor's own command, as a user calls it."""
    configuration = str(stack.layout.supervisor_configuration)
    subprocess.run([sys.executable, "-m", "supervisor.supervisorctl", "-c", configuration, *arguments], check=True)


def ask_health(stack: Stack) -> dict[str, object]:
    """What the stack's engine says of itself. Raises `OSError` where it does not answer."""
    return ask_health_at(stack.outputs()["engine_address"])


def ask_health_at(address: str) -> dict[str, object]:
    """What an engine says of itself. Raises `OSError` where it does not answer."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(address.removeprefix("unix://"))
        connection.sendall(b"GET /health HTTP/1.0\r\n\r\n")
        response = http.client.HTTPResponse(connection)
        response.begin()
        return json.loads(response.read())


def wait_for(condition: Callable[[], object], seconds: float = 60) -> None:
    """Until the condition is true; fails after `seconds`."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not become true in time"
        time.sleep(0.1)
