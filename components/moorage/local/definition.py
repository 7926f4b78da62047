"""What a process is, and how that is written down for the supervisor. Pure."""

import hashlib
import json
import re
import shlex
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Literal, TypedDict

from moorage.local.errors import LocalError
from moorage.local.layout import InstanceLayout

LOG_MAX_BYTES = 10 * 1024 * 1024
LOG_BACKUPS = 5
START_RETRIES = 10
"""The supervisor waits one second longer before each retry, so ten retries take about a minute."""
_UNREPRESENTABLE = re.compile(r"[\r\n]|\s[;#]|%\(here\)s")


class Readiness(TypedDict):
    """How to see that a process can do its work: an HTTP path that answers 200, or Redis's PING."""

    protocol: Literal["http", "redis"]
    path: str
    timeout_seconds: float


@dataclass(frozen=True)
class ProcessDefinition:
    """One process. In `command` and `environment`, `{socket}`, `{port}` and `{files}` stand for the instance's own.

    A change of any of these fields needs a new process.
    """

    program: str
    command: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict[str, str])
    host: str | None = None
    version: str = ""
    start_seconds: int = 1
    on_demand: bool = False
    """Whether it stays down until something asks the supervisor for it."""
    required_memory_gib: float = 0.0
    """What has to be available at each start of a process that is started on demand; others are checked by `up`."""

    def sha256(self) -> str:
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()


def fill_in(text: str, instance: InstanceLayout, port: int | None) -> str:
    """`text` with the instance's own paths and port in place of the placeholders."""
    for placeholder, value in (
        ("{socket}", str(instance.socket)),
        ("{files}", str(instance.files_directory)),
        ("{port}", str(port)),
    ):
        text = text.replace(placeholder, value)
    return text


def render_program(
    definition: ProcessDefinition, instance: InstanceLayout, port: int | None, stop_seconds: float, launcher: list[str]
) -> str:
    """The supervisor's section for one instance (supervisord.org/configuration.html, read 2026-11-23).

    Raises `LocalError` for what that format cannot hold.
    """
    own = [fill_in(part, instance, port) for part in definition.command]
    memory = ["--required-memory-gib", str(definition.required_memory_gib)] if definition.on_demand else []
    command = [*launcher, *memory, str(instance.stack.directory), instance.name, "--", *own]
    environment = {
        **{name: fill_in(value, instance, port) for name, value in definition.environment.items()},
        "TMPDIR": str(instance.temporary_directory),
    }
    settings = {
        "command": shlex.join(command),
        "environment": ",".join(f"{name}={_quote(value)}" for name, value in sorted(environment.items())),
        "directory": str(instance.stack.directory),
        "autostart": "false",
        "autorestart": "true",
        "startsecs": str(definition.start_seconds),
        "startretries": str(START_RETRIES),
        "stopsignal": "TERM",
        "stopwaitsecs": str(round(stop_seconds)),
        "killasgroup": "true",
        "redirect_stderr": "true",
        # The supervisor expands this one twice (options.py, processes_from_section, 4.3.0).
        "stdout_logfile": str(instance.log_file).replace("%", "%%"),
        "stdout_logfile_maxbytes": str(LOG_MAX_BYTES),
        "stdout_logfile_backups": str(LOG_BACKUPS),
    }
    lines = [f"{key}={_escape(key, value)}" for key, value in settings.items()]
    return "\n".join([f"[program:{instance.name}]", *lines, ""])


def _quote(value: str) -> str:
    """The supervisor reads quotes without escapes, and strips both kinds from a value's ends (datatypes.py, 4.3.0)."""
    mark = "'" if '"' in value else '"'
    if mark in value or value != value.strip("'\""):
        raise LocalError(
            f"{value!r}: both kinds of quotes, or one at an end, cannot be passed to a local process's environment"
        )
    return f"{mark}{value}{mark}"


def _escape(key: str, value: str) -> str:
    if _UNREPRESENTABLE.search(value):
        raise LocalError(
            f"{key} = {value!r}: a line break, ; or # after a space, and %(here)s cannot be passed to a local process"
        )
    return value.replace("%", "%%")
