"""Where a local stack keeps its files: one place names every path."""

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

# Not the environment's TMPDIR: every process must find the same directory, and each has a TMPDIR of its own.
_RUNTIME_PARENT = Path("/tmp")  # noqa: S108


@dataclass(frozen=True)
class StackLayout:
    """The paths below a stack's directory, and its short directory for sockets.

    Sockets have a directory of their own because a Unix socket's path may have at most 107 bytes
    (`sun_path` in unix(7)), less than many a checkout's path.
    """

    directory: Path

    @property
    def runtime_directory(self) -> Path:
        digest = hashlib.sha256(str(self.directory).encode()).hexdigest()[:12]
        return _RUNTIME_PARENT / f"moorage-{os.getuid()}-{digest}"

    @property
    def supervisor_configuration(self) -> Path:
        return self.directory / "supervisord.conf"

    @property
    def supervisor_socket(self) -> Path:
        return self.runtime_directory / "supervisord.sock"

    @property
    def supervisor_log(self) -> Path:
        return self.log_directory / "supervisord.log"

    @property
    def supervisor_pid_file(self) -> Path:
        return self.runtime_directory / "supervisord.pid"

    @property
    def lock_file(self) -> Path:
        return self.runtime_directory / "lock"

    @property
    def log_directory(self) -> Path:
        return self.directory / "logs"

    @property
    def program_directory(self) -> Path:
        return self.directory / "programs"

    def instance(self, name: str) -> "InstanceLayout":
        return InstanceLayout(self, name)

    def create(self) -> None:
        """Makes the directories, readable by their owner alone.

        Raises `PermissionError` if somebody else owns the runtime directory's name.
        """
        for path in (self.directory, self.runtime_directory, self.log_directory, self.program_directory):
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = self.runtime_directory.lstat()
        if status.st_uid != os.getuid() or self.runtime_directory.is_symlink():
            raise PermissionError(f"{self.runtime_directory} belongs to another user")


@dataclass(frozen=True)
class InstanceLayout:
    """The paths of one process of a stack. A replacement is another instance, with paths of its own."""

    stack: StackLayout
    name: str

    @property
    def definition(self) -> Path:
        return self.stack.program_directory / f"{self.name}.ini"

    @property
    def record(self) -> Path:
        return self.stack.program_directory / f"{self.name}.json"

    @property
    def files_directory(self) -> Path:
        return self.stack.directory / "files" / self.name

    @property
    def log_file(self) -> Path:
        return self.stack.log_directory / f"{self.name}.log"

    @property
    def socket(self) -> Path:
        return self.stack.runtime_directory / f"{self.name}.sock"

    @property
    def withdrawn_socket(self) -> Path:
        """Where the socket is while its process is about to be stopped: nobody new finds it."""
        return self.stack.runtime_directory / f"{self.name}.sock.withdrawn"

    @property
    def group_file(self) -> Path:
        """Which process group the process leads."""
        return self.stack.runtime_directory / f"{self.name}.group"

    @property
    def temporary_directory(self) -> Path:
        return self.stack.runtime_directory / f"{self.name}.tmp"
