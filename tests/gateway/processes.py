"""Runs the real gateway as a process, and engines in a thread."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TypeVar

import httpx

from .fake_engine import FakeEngine

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator

T = TypeVar("T")
REPOSITORY = Path(__file__).parents[2]
PATIENT_PROGRAM = Path(__file__).with_name("patient_gateway.py")
KEY = "key-of-the-tests"
KEY_ID = "tests"
START_SECONDS = PATIENCE_SECONDS = 60.0
STOP_SECONDS = 30.0
DEAD_ADDRESS = "http://127.0.0.1:9"  # the discard port: nothing listens


class EngineRoom:
    """An event loop in a thread, for engines."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(timeout=PATIENCE_SECONDS)

    @contextmanager
    def holding(self, gate: asyncio.Event) -> Iterator[Callable[[], None]]:
        """An engine waits at this gate of its until what is given is called, at the latest until the block ends."""

        def let_go() -> None:
            self.loop.call_soon_threadsafe(gate.set)

        gate.clear()
        try:
            yield let_go
        finally:
            let_go()

    @contextmanager
    def engine(
        self, *, path: Path | None = None, port: int = 0, model: str = "moored", capacity: int | None = None
    ) -> Iterator[RunningEngine]:
        fake = FakeEngine(model, capacity=capacity)
        address = self.run(fake.start(path=None if path is None else str(path), port=port))
        try:
            yield RunningEngine(fake, address)
        finally:
            self.run(fake.stop())

    def close(self) -> None:
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()
        self.loop.close()


@dataclass(frozen=True)
class RunningEngine:
    """An engine and where it listens."""

    fake: FakeEngine
    address: str


def sha256(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


def upstream(name: str, address: str, model: str = "moored", **more: Any) -> dict[str, Any]:
    return {"name": name, "kind": "openai-http", "address": address, "model": model, "revision": "r1", **more}


def document(*upstreams: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A configuration with one key, whose timeouts no busy machine exceeds."""
    timeouts = {"connect_seconds": 30, "first_byte_seconds": PATIENCE_SECONDS, "idle_seconds": PATIENCE_SECONDS}
    keys = [{"id": KEY_ID, "sha256": sha256(KEY)}]
    return {"version": 1, "upstreams": list(upstreams), "keys": keys, "timeouts": timeouts, **more}


@dataclass
class Gateway:
    """A gateway process. Use as a context manager; `lines` is everything that it wrote to standard output.

    At its end it waits for nobody to learn of it, unless `propagation_seconds` says so. `is_patient`: see
    `patient_gateway.py`.
    """

    config_path: Path | None
    """None: `arguments` say where the document is."""
    arguments: tuple[str, ...] = ()
    environment: dict[str, str] = field(default_factory=dict)
    port: int = 0
    propagation_seconds: float = 0.0
    is_patient: bool = False
    lines: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def client(self) -> httpx.Client:
        return self._client

    def __enter__(self) -> Self:
        file = () if self.config_path is None else ("--config", str(self.config_path))
        # Without the folder of the test on the path.
        program = ("-P", str(PATIENT_PROGRAM)) if self.is_patient else ("-m", "moorage_serving.gateway")
        self.process = subprocess.Popen(
            [
                *(sys.executable, *program, "serve", *file, "--port", str(self.port)),
                *("--propagation-seconds", str(self.propagation_seconds), *self.arguments),
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, "PYTHONPATH": str(REPOSITORY / "serving_image"), **self.environment},
        )
        self._listening = threading.Event()
        self._reader = threading.Thread(target=self._read_lines)
        self._reader.start()
        # The end of its output comes before the end of the process, so that its exit code may not be known yet.
        if not self._listening.wait(START_SECONDS) or not self.events("listening"):
            self.stop()
            raise AssertionError("the gateway did not start:\n" + "".join(self.lines))
        headers = {"authorization": f"Bearer {KEY}"}
        self._client = httpx.Client(base_url=self.url, headers=headers, timeout=PATIENCE_SECONDS, trust_env=False)
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()
        self.stop()

    def _read_lines(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as output:
            for line in output:
                self.lines.append(line)
                if '"event":"listening"' in line:
                    self.port = json.loads(line)["port"]
                    self._listening.set()
        self._listening.set()

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def stop(self) -> int:
        """End gracefully; the exit code."""
        if self.process.poll() is None:
            self.signal(signal.SIGTERM)
        try:
            return self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise
        finally:
            self._reader.join()

    def write_config(self, content: dict[str, Any] | str) -> str:
        """Replace the file as a whole; its SHA-256."""
        text = content if isinstance(content, str) else json.dumps(content)
        assert self.config_path is not None
        new = self.config_path.with_suffix(".new")
        new.write_text(text)
        new.rename(self.config_path)
        return sha256(text)

    def events(self, name: str) -> list[dict[str, Any]]:
        """The log lines of one kind, so far."""
        parsed = (json.loads(line) for line in list(self.lines) if line.startswith("{"))
        return [event for event in parsed if event.get("event") == name]

    def access_line(self, request_id: str) -> dict[str, Any]:
        """The access line of a request, waited for."""

        def find() -> dict[str, Any] | None:
            return next((line for line in self.events("request") if line["request_id"] == request_id), None)

        return eventually(find)

    def metric(self, name: str, **labels: str) -> float:
        """The sum over all series of a metric whose labels include these."""
        total = 0.0
        for line in self.client.get("/metrics").text.splitlines():
            found = re.fullmatch(rf"moorage_gateway_{name}(?:\{{(.*)\}})? (\S+)", line)
            if found and all(f'{key}="{value}"' in (found[1] or "") for key, value in labels.items()):
                total += float(found[2])
        return total


def eventually(look: Callable[[], T | None], seconds: float = PATIENCE_SECONDS) -> T:
    """What `look` returns as soon as it is true."""
    until = time.monotonic() + seconds
    while True:
        if found := look():
            return found
        assert time.monotonic() < until, "it did not happen in time"
        time.sleep(0.01)


def chat(text: str = "hello", *, model: str = "moored", stream: bool = False, **program: Any) -> dict[str, Any]:
    """The body of a chat request; `program` is the fake engine's."""
    messages = [{"role": "user", "content": text}]
    return {"model": model, "messages": messages, "stream": stream, "fake_engine": program}
