"""A local stack without Pulumi: supervisord, an engine that is started on demand, and its activator."""

import json
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from moorage.local.definition import ProcessDefinition, Readiness
from moorage.local.instance import Instance
from moorage.local.layout import StackLayout
from moorage.local.supervisor import Supervisor
from tests.pulumi_engine.stack import SMALL_SERVER

HEALTH = Readiness(protocol="http", path="/health", timeout_seconds=30)


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
        self.activate()
        self.wait_for("ready")

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


def eventually(condition: Callable[[], object], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not become true in time"
        time.sleep(0.05)


def _call(socket: Path, method: str, path: str, **more: object) -> httpx.Response:
    with httpx.Client(transport=httpx.HTTPTransport(uds=str(socket)), timeout=30) as client:
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
