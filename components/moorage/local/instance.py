"""One process of a stack, from its files to its end."""

import hashlib
import json
import secrets
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import httpx

from moorage.local import preflight
from moorage.local.definition import ProcessDefinition, Readiness, render_program
from moorage.local.errors import LocalError
from moorage.local.layout import InstanceLayout, StackLayout
from moorage.local.process_group import end_recorded_group, listens_on
from moorage.local.readiness import POLL_SECONDS, Address, wait_until_ready
from moorage.local.supervisor import DEAD_STATES, LAUNCHER, Supervisor

PREFERRED_PORT = 8000
_RELOAD_SECONDS = 30


class Instance:
    """A process, the files it was started from and the supervisor that keeps it running."""

    def __init__(self, layout: InstanceLayout) -> None:
        self.layout = layout
        self._supervisor = Supervisor(layout.stack)

    @property
    def name(self) -> str:
        return self.layout.name

    @classmethod
    def new(cls, stack_directory: str, program: str) -> "Instance":
        return cls(StackLayout(Path(stack_directory)).instance(f"{program}-{secrets.token_hex(3)}"))

    @classmethod
    def existing(cls, stack_directory: str, name: str) -> "Instance":
        return cls(StackLayout(Path(stack_directory)).instance(name))

    def start(
        self,
        definition: ProcessDefinition,
        *,
        files: Mapping[str, str],
        requested_port: int | None,
        readiness: Readiness,
        stop_seconds: float,
        required_memory_gib: float,
        report: Callable[[str], None],
    ) -> Address:
        """Starts the process and returns once it is ready. One that does not get ready leaves only its log behind.

        One that is started on demand is made known to the supervisor, and nothing more.

        Raises `LocalError` where the port, the memory or the process itself does not allow it.
        """
        self.layout.stack.create()
        require_memory = preflight.require_total_memory if definition.on_demand else preflight.require_free_memory
        require_memory(definition.program, required_memory_gib)
        port = self._choose_port(definition, requested_port)
        address = Address(None if definition.host else self.layout.socket, definition.host, port)
        report(f"{definition.program}: {'to be started on demand' if definition.on_demand else 'starting'}")
        try:
            self._write_files(files)
            self._hand_over(definition, render_program(definition, self.layout, port, stop_seconds, LAUNCHER), port)
            if definition.on_demand:
                return address
            wait_until_ready(
                definition.program,
                address,
                readiness,
                self.layout.log_file,
                lambda: self._supervisor.state(self.name),
                lambda: port is None or listens_on(self.layout.group_file, port),
                report,
            )
        except BaseException:
            self.remove()
            raise
        return address

    def reload(self, files: Mapping[str, str], signal_name: str, readiness: Readiness) -> None:
        """Writes changed files and waits until the process says by their SHA-256 that it works with them."""
        self._write_files(files)
        self._supervisor.signal_process(self.name, signal_name)
        digests = {hashlib.sha256(content.encode()).hexdigest() for content in files.values()}
        deadline = time.monotonic() + _RELOAD_SECONDS
        while self._active_configuration(readiness) not in digests:
            if time.monotonic() > deadline:
                raise LocalError(f"{self.name} did not take its new configuration over; see {self.layout.log_file}")
            time.sleep(POLL_SECONDS)

    def is_in_order(self) -> bool:
        """Whether the supervisor keeps the process running, or knows the one that waits for demand."""
        state = self._supervisor.state(self.name)
        return state is not None and (self._record().on_demand or state.state not in DEAD_STATES)

    def definition_sha256(self) -> str:
        """What the process was started from; an empty string once somebody has edited the supervisor's file."""
        record = self._record()
        rendered = self.layout.definition.read_bytes() if self.layout.definition.exists() else b""
        return record.definition_sha256 if record.rendered_sha256 == hashlib.sha256(rendered).hexdigest() else ""

    def files(self) -> dict[str, str]:
        directory = self.layout.files_directory
        return {path.name: path.read_text() for path in sorted(directory.iterdir())} if directory.exists() else {}

    def remove(self) -> None:
        """Drains and stops the process, and removes all that is its own except the log."""
        self._supervisor.stop_process(self.name)
        self._clear_away()
        if self.layout.stack.runtime_directory.exists():
            self._supervisor.shut_down_if_idle()

    def _hand_over(self, definition: ProcessDefinition, rendered: str, port: int | None) -> None:
        """Makes the instance known to the supervisor, and starts what is to run."""
        rendered_sha256 = hashlib.sha256(rendered.encode()).hexdigest()
        record = _Record(definition.sha256(), rendered_sha256, definition.host, port, definition.on_demand)
        with self._supervisor.lock:
            was_started = self._supervisor.ensure_running()
            self._clear_away_dead_instances(all_are_dead=was_started)
            self._write(self.layout.record, json.dumps(asdict(record)))
            self._write(self.layout.definition, rendered)
            self._supervisor.add_process(self.name)
            # Under the same lock: to others, an instance that is not up is one to be cleared away.
            if not definition.on_demand:
                self._supervisor.start_process(self.name)

    def _clear_away(self) -> None:
        end_recorded_group(self.layout.group_file)
        own = self.layout
        for path in (own.definition, own.record, own.socket, own.withdrawn_socket, own.group_file):
            path.unlink(missing_ok=True)
        for directory in (self.layout.files_directory, self.layout.temporary_directory):
            shutil.rmtree(directory, ignore_errors=True)

    def _clear_away_dead_instances(self, *, all_are_dead: bool) -> None:
        """Removes what a supervisor that was killed has left: processes without a parent, their files, their ports."""
        for definition in self.layout.stack.program_directory.glob("*.ini"):
            instance = Instance(self.layout.stack.instance(definition.stem))
            if all_are_dead or not instance.is_in_order():
                instance.forget()

    def forget(self) -> None:
        """Removes an instance that nobody supervises any more."""
        self._supervisor.forget_process(self.name)
        self._clear_away()

    def _choose_port(self, definition: ProcessDefinition, requested_port: int | None) -> int | None:
        if definition.host is None:
            return None
        siblings = self._ports_of_siblings(definition.program)
        if requested_port is None:
            if siblings:
                return siblings[0]
            free = preflight.port_is_free(definition.host, PREFERRED_PORT)
            return PREFERRED_PORT if free else preflight.any_free_port(definition.host)
        if requested_port not in siblings:
            preflight.require_free_port(definition.host, requested_port)
        return requested_port

    def _ports_of_siblings(self, program: str) -> list[int]:
        """Ports that instances of the same program hold: a replacement takes over from them by SO_REUSEPORT."""
        records = self.layout.stack.program_directory.glob(f"{program}-*.json")
        return [json.loads(record.read_text())["port"] for record in records]

    def _write_files(self, files: Mapping[str, str]) -> None:
        self.layout.files_directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        for name, content in files.items():
            self._write(self.layout.files_directory / name, content)

    @staticmethod
    def _write(path: Path, content: str) -> None:
        """Replaces a file whole, so that a reader never sees half of one."""
        temporary = path.with_suffix(".new")
        temporary.touch(mode=0o600)
        temporary.write_text(content)
        temporary.replace(path)

    def _record(self) -> "_Record":
        path = self.layout.record
        return _Record(**json.loads(path.read_text())) if path.exists() else _Record("", "", None, None)

    def _active_configuration(self, readiness: Readiness) -> str | None:
        record = self._record()
        address = Address(None if record.host else self.layout.socket, record.host, record.port)
        try:
            return address.get(readiness["path"]).json().get("config_sha256")
        except (httpx.TransportError, ValueError):
            return None


@dataclass(frozen=True)
class _Record:
    """What a later call has to know of an instance."""

    definition_sha256: str
    rendered_sha256: str
    host: str | None
    port: int | None
    on_demand: bool = False
