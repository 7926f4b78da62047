"""Drives one supervisord per local stack: started for the first process, gone after the last."""

import resource
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import Protocol, cast
from xmlrpc.client import Fault, ServerProxy

import filelock
import psutil
from supervisor.xmlrpc import Faults, SupervisorTransport  # pyright: ignore[reportMissingTypeStubs]

from moorage.local.child_environment import child_environment
from moorage.local.errors import LocalError
from moorage.local.layout import StackLayout

LAUNCHER = [sys.executable, "-m", "moorage.local.launch"]
DEAD_STATES = ("STOPPED", "EXITED", "FATAL", "UNKNOWN")
"""In these the supervisor leaves a process down; in all others it brings it up by itself, or is ending it."""

_SUPERVISORD_START_SECONDS = 15
_OPEN_FILES = 65_536


@dataclass(frozen=True)
class ProcessState:
    """What the supervisor says of a process; the states are those of supervisord.org/subprocess.html."""

    name: str
    state: str


class _SupervisorInterface(Protocol):
    def getPID(self) -> int: ...  # noqa: N802
    def shutdown(self) -> bool: ...
    def reloadConfig(self) -> list[list[list[str]]]: ...  # noqa: N802
    def addProcessGroup(self, name: str) -> bool: ...  # noqa: N802
    def removeProcessGroup(self, name: str) -> bool: ...  # noqa: N802
    def startProcess(self, name: str, wait: bool = True) -> bool: ...  # noqa: N802
    def stopProcess(self, name: str, wait: bool = True) -> bool: ...  # noqa: N802
    def signalProcess(self, name: str, signal: str) -> bool: ...  # noqa: N802
    def getAllProcessInfo(self) -> list[dict[str, str | int]]: ...  # noqa: N802


class Supervisor:
    """The supervisord of one stack. Its methods may be called from several threads and processes at once."""

    def __init__(self, layout: StackLayout) -> None:
        self._layout = layout
        self.lock = filelock.FileLock(layout.lock_file, mode=0o600, is_singleton=True)

    def ensure_running(self) -> bool:
        """Starts supervisord unless it runs, and says whether it did. Raises `LocalError` if it does not come up."""
        with self.lock:
            if self._is_running():
                return False
            self._start()
            return True

    def add_process(self, instance: str) -> None:
        """Takes the instance in whose definition file has been written."""
        with self.lock:
            self._reread()
            with self._connected() as supervisor:
                supervisor.addProcessGroup(instance)

    def start_process(self, instance: str) -> None:
        """Starts an instance that has been added; `wait_until_ready` sees what becomes of it."""
        with self._connected() as supervisor:
            supervisor.startProcess(instance, False)

    def stop_process(self, instance: str) -> None:
        """Asks the instance to stop, waits for it, and forgets it. Nothing happens to one that is not there.

        One that has just ended by itself may be started again by the supervisor at any moment.
        """
        while self.state(instance) is not None:
            with self._connected() as supervisor, _accepting(Faults.NOT_RUNNING):
                supervisor.stopProcess(instance)
            with _accepting(Faults.STILL_RUNNING):
                self.forget_process(instance)

    def forget_process(self, instance: str) -> None:
        """Removes an instance that does not run from supervisord's list."""
        if self.state(instance) is not None:
            with self.lock, self._connected() as supervisor:
                supervisor.removeProcessGroup(instance)

    def signal_process(self, instance: str, signal_name: str) -> None:
        with self._connected() as supervisor:
            supervisor.signalProcess(instance, signal_name)

    def state(self, instance: str) -> ProcessState | None:
        """The instance's state, or None where the supervisor does not run or does not know it."""
        return next((state for state in self.states() if state.name == instance), None)

    def states(self) -> list[ProcessState]:
        try:
            with self._connected() as supervisor:
                answers = supervisor.getAllProcessInfo()
        except (OSError, HTTPException):
            return []
        return [ProcessState(str(answer["name"]), str(answer["statename"])) for answer in answers]

    def shut_down_if_idle(self) -> None:
        """Ends supervisord once no process of the stack is left."""
        with self.lock:
            if any(self._layout.program_directory.glob("*.ini")) or not self._is_running():
                return
            self._shut_down()

    def shut_down(self) -> None:
        """Ends supervisord, with all its processes."""
        with self.lock:
            if self._is_running():
                self._shut_down()

    def _shut_down(self) -> None:
        with self._connected() as supervisor:
            process = psutil.Process(supervisor.getPID())
            supervisor.shutdown()
        process.wait()

    def _start(self) -> None:
        self._layout.supervisor_socket.unlink(missing_ok=True)
        self._layout.supervisor_configuration.touch(mode=0o600)
        self._layout.supervisor_configuration.write_text(_render_configuration(self._layout))
        command = [sys.executable, "-m", "supervisor.supervisord", "-c", str(self._layout.supervisor_configuration)]
        started = subprocess.run(
            command, env=child_environment(), capture_output=True, text=True, stdin=subprocess.DEVNULL
        )
        deadline = time.monotonic() + _SUPERVISORD_START_SECONDS
        while not self._is_running():
            if started.returncode != 0 or time.monotonic() > deadline:
                raise LocalError(
                    f"supervisord did not start; its log is {self._layout.supervisor_log}: {started.stderr.strip()}"
                )
            time.sleep(0.05)

    def _is_running(self) -> bool:
        try:
            with self._connected() as supervisor:
                supervisor.getPID()
        except (OSError, HTTPException):
            return False
        return True

    def _reread(self) -> None:
        try:
            with self._connected() as supervisor:
                supervisor.reloadConfig()
        except Fault as fault:
            raise LocalError(f"supervisord refuses a process's definition: {fault.faultString}") from fault

    @contextmanager
    def _connected(self) -> Generator[_SupervisorInterface]:
        transport = SupervisorTransport(None, None, f"unix://{self._layout.supervisor_socket}")
        with ServerProxy("http://localhost", transport=transport) as proxy:
            yield cast("_SupervisorInterface", proxy.supervisor)


@contextmanager
def _accepting(fault_code: int) -> Generator[None]:
    try:
        yield
    except Fault as fault:
        if fault.faultCode != fault_code:
            raise


def _render_configuration(layout: StackLayout) -> str:
    """The included files are named from this file's own folder, because the list of them is split at spaces."""
    open_files = min(_OPEN_FILES, resource.getrlimit(resource.RLIMIT_NOFILE)[1])
    return f"""\
[unix_http_server]
file={layout.supervisor_socket}
chmod=0700

[supervisord]
logfile={_escaped(layout.supervisor_log)}
pidfile={layout.supervisor_pid_file}
directory={_escaped(layout.directory)}
minfds={open_files}
umask=077

[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface

[supervisorctl]
serverurl=unix://{layout.supervisor_socket}

[include]
files={layout.program_directory.name}/*.ini
"""


def _escaped(path: Path) -> str:
    return str(path).replace("%", "%%")
