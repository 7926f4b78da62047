"""A local stack without Pulumi: supervisord, an engine that is started on demand, and its activator."""

from __future__ import annotations

import json
import shutil
import socket
import sys
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import httpx

from moorage.local.definition import ProcessDefinition, Readiness
from moorage.local.instance import Instance
from moorage.local.layout import StackLayout
from moorage.local.supervisor import Supervisor
from tests.pulumi_engine.stack import SMALL_SERVER

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

PATIENCE_SECONDS = 60.0
HEALTH = Readiness(protocol="http", path="/health", timeout_seconds=PATIENCE_SECONDS)


@dataclass
class OnDemand:
    """An engine and the activator beside it."""

    engine: Instance
    activator: Instance

    @property
    def name(self) -> str:
        return self.engine.name

    @property
    def socket(self) -> Path:
        return self.engine.layout.socket

    @property
    def supervisor(self) -> Supervisor:
        return Supervisor(self.engine.layout.stack)

    def call(self, method: str, path: str, **more: object) -> httpx.Response:
        return _call(self.activator.layout.socket, method, path, **more)

    def activate(self) -> httpx.Response:
        return self.call("POST", "/activate", json={"upstream": self.name})

    def state(self) -> str:
        return self.call("GET", "/state").json()["state"]

    def wake(self) -> None:
        """For one that stays up: one that is stopped soon may be so before it is seen to be ready."""
        self.activate()
        self.wait_for("ready")

    @contextmanager
    def connection(self) -> Iterator[socket.socket]:
        """To the engine, which is asked for as a gateway does it: while nobody listens."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        with socket.socket(socket.AF_UNIX) as opened:
            while opened.connect_ex(str(self.socket)) != 0:
                assert time.monotonic() < deadline, "nobody listens"
                self.activate()
                time.sleep(0.05)
            yield opened

    def wait_for(self, state: str) -> None:
        eventually(lambda: self.state() == state)

    def metric(self, sample: str) -> float:
        lines = self.call("GET", "/metrics").text.splitlines()
        return next(float(line.rpartition(" ")[2]) for line in lines if line.startswith(f"{sample} "))

    def ask_engine(self) -> str:
        body = {"messages": []}
        answer = _call(self.socket, "POST", "/v1/chat/completions", json=body)
        return answer.json()["choices"][0]["message"]["content"]

    def engine_process_id(self) -> int | None:
        """None while it does not answer."""
        try:
            return _call(self.socket, "GET", "/health").json()["pid"]
        except httpx.TransportError:
            return None


def eventually(condition: Callable[[], object], seconds: float = PATIENCE_SECONDS) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not become true in time"
        time.sleep(0.05)


def _call(socket: Path, method: str, path: str, **more: object) -> httpx.Response:
    with httpx.Client(transport=httpx.HTTPTransport(uds=str(socket)), timeout=PATIENCE_SECONDS) as client:
        return client.request(method, f"http://localhost{path}", **more)  # type: ignore[arg-type]


@contextmanager
def engine_on_demand(
    folder: Path, idle_seconds: float, *arguments: str, required_memory_gib: float = 0.0
) -> Iterator[OnDemand]:
    """An engine with these arguments and its activator; at the end all of it is gone."""
    layout = StackLayout(folder)
    with ExitStack() as cleanup:
        cleanup.callback(shutil.rmtree, layout.runtime_directory)

        def start(definition: ProcessDefinition, files: dict[str, str]) -> Instance:
            instance = Instance.new(str(layout.directory), definition.program)
            cleanup.callback(instance.remove)
            instance.start(
                definition,
                files=files,
                requested_port=None,
                readiness=HEALTH,
                stop_seconds=20,
                required_memory_gib=0.0,
                report=lambda _: None,
            )
            return instance

        command = (sys.executable, str(SMALL_SERVER), "--uds", "{socket}", "--revision", "one", *arguments)
        engine = start(
            ProcessDefinition("engine", command, on_demand=True, required_memory_gib=required_memory_gib), {}
        )
        own = (sys.executable, "-m", "moorage_serving.activator", "--settings", "{files}/activator.json")
        settings = {
            "upstream": engine.name,
            "socket": str(engine.layout.socket),
            "withdrawn_socket": str(engine.layout.withdrawn_socket),
            "log_file": str(engine.layout.log_file),
            "supervisor_socket": str(layout.supervisor_socket),
            "idle_seconds": idle_seconds,
        }
        activator = ProcessDefinition("activator", (*own, "--socket", "{socket}"))
        yield OnDemand(engine, start(activator, {"activator.json": json.dumps(settings)}))
