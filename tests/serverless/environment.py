"""One environment of Lambda on this machine: what the image starts, beside the real Lambda Web Adapter."""

import hashlib
import json
import os
import shlex
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

from moorage.aws.model_function_spec import DOCUMENT_VARIABLE
from moorage.engine.llama_cpp import llama_cpp_environment
from moorage.local.tiny_model import tiny_model_facts
from moorage.spec import ModelSpec
from tests.checkout import ROOT

from .runtime_api import RuntimeApi

DOCKERFILE = ROOT / "serving_image" / "lambda" / "Dockerfile"
EXTENSION = DOCKERFILE.with_name("lambda-adapter")
KEY = "key-of-the-tests"
MODEL = "tiny"
CONTEXT_TOKENS = 512
START_SECONDS = 60
EVENTS = Path(__file__).parent / "events"


def adapter_settings() -> dict[str, str]:
    """`AWS_LWA_*` as the image has them."""
    text = DOCKERFILE.read_text(encoding="utf-8").replace("\\\n", " ")
    lines = [line.removeprefix("ENV ") for line in text.splitlines() if line.startswith("ENV ")]
    pairs = [pair.partition("=") for line in lines for pair in shlex.split(line)]
    return {name: value for name, _, value in pairs if name.startswith("AWS_LWA_")}


def install_extension(folder: Path, *, adapter: Path) -> Path:
    """The image's extension, beside what it starts, in a folder of its own."""
    root = Path(tempfile.mkdtemp(dir=folder))
    extension = root / "extensions" / EXTENSION.name
    extension.parent.mkdir()
    extension.symlink_to(EXTENSION)
    (root / EXTENSION.name).symlink_to(adapter)
    return extension


class FunctionEnvironment:
    """Use as a context manager. It is frozen whenever it waits for an event, as Lambda does it."""

    def __init__(
        self,
        weights: Path,
        folder: Path,
        *,
        engine: Path = ROOT / ".tools/llama-cpp/llama-server",
        variables: Mapping[str, str] | None = None,
    ) -> None:
        """`variables`: of the function, over the image's."""
        self.api = RuntimeApi()
        self._weights, self._engine, self._variables = weights, engine, variables or {}
        self._extension = install_extension(folder, adapter=ROOT / ".tools" / "lambda-adapter")
        self._log = folder / "environment.log"
        self._processes: list[subprocess.Popen[bytes]] = []
        self.freezes = 0
        self.seconds: dict[str, float] = {}

    def __enter__(self) -> Self:
        self.api.__enter__()
        try:
            self._start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        if self._processes:
            with suppress(ProcessLookupError):
                os.killpg(self.group, signal.SIGCONT)
                os.killpg(self.group, signal.SIGKILL)
            for process in self._processes:
                process.wait()
        self.api.__exit__()

    @property
    def group(self) -> int:
        """The process group of all that runs in it."""
        return self._processes[0].pid

    @property
    def log(self) -> str:
        """What its processes have written."""
        return self._log.read_text(encoding="utf-8", errors="replace")

    @property
    def function(self) -> subprocess.Popen[bytes]:
        """The process that the image's entry point is."""
        return self._processes[0]

    def records(self, event: str) -> list[dict[str, Any]]:
        """Of the gateway's log."""
        found = [json.loads(line) for line in self.log.splitlines() if line.startswith("{")]
        return [record for record in found if record.get("event") == event]

    def _start(self) -> None:
        began = time.monotonic()
        port, engine_port = free_port(), free_port()
        environment = {
            "PATH": os.environ["PATH"],
            "AWS_LAMBDA_RUNTIME_API": self.api.address,
            "AWS_LAMBDA_FUNCTION_NAME": "moorage",
            "AWS_LAMBDA_FUNCTION_VERSION": "1",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "1932",
            "AWS_REGION": "us-east-1",
            **adapter_settings(),
            **llama_cpp_environment(model_spec(), tiny_model_facts(), 2.0),
            "AWS_LWA_PORT": str(port),
            "LLAMA_ARG_PORT": str(engine_port),
            DOCUMENT_VARIABLE: gateway_document(engine_port),
            "PYTHONUNBUFFERED": "1",
            **self._variables,
        }
        command = [sys.executable, "-m", "moorage_serving.serverless", "--weights", str(self._weights)]
        self.api.freeze, self.api.thaw = self._freeze, self._thaw
        with self._log.open("wb") as log:
            for started in (
                [*command, "--engine", str(self._engine), "--port", str(port)],
                [str(self._extension)],
            ):
                process = subprocess.Popen(
                    started,
                    env=environment,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    process_group=self._processes[0].pid if self._processes else 0,
                )
                self._processes.append(process)
        assert self.api.idle.wait(START_SECONDS), self.log
        self.seconds["init"] = time.monotonic() - began

    def _freeze(self) -> None:
        self.freezes += 1
        os.killpg(self.group, signal.SIGSTOP)

    def _thaw(self) -> None:
        os.killpg(self.group, signal.SIGCONT)


def model_spec() -> ModelSpec:
    return ModelSpec(source="hf://moorage/tiny", served_name=MODEL, max_model_len=CONTEXT_TOKENS)


def gateway_document(engine_port: int) -> str:
    """As the component writes it, with one key."""
    upstream = {
        "name": "engine",
        "kind": "openai-http",
        "address": f"http://127.0.0.1:{engine_port}",
        "model": MODEL,
        "revision": "tests",
        "max_concurrent_requests": 1,
        "activation": {},
    }
    keys = [{"id": "tests", "sha256": hashlib.sha256(KEY.encode()).hexdigest()}]
    return json.dumps({"version": 1, "upstreams": [upstream], "keys": keys})


def chat_event(name: str, question: str, *, stream: bool = True, key: str = KEY, **more: Any) -> dict[str, Any]:
    """The event of `events/NAME.json` with this question, and `more` in its body."""
    body = {
        "model": MODEL,
        "messages": [{"role": "user", "content": question}],
        "temperature": 0,
        "max_tokens": 64,
        "stream": stream,
        **more,
    }
    event = recorded_event(name)
    headers = {"content-type": "application/json", "authorization": f"Bearer {key}", "host": "llm.example.com"}
    event["headers"] = headers
    if "multiValueHeaders" in event:
        event["multiValueHeaders"] = {name: [value] for name, value in headers.items()}
    event["body"] = json.dumps(body)
    return event


def recorded_event(name: str) -> dict[str, Any]:
    return json.loads((EVENTS / f"{name}.json").read_text(encoding="utf-8"))


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]
