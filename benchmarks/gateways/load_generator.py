"""Builds and runs `benchmarks/gateway_load`: the fake engine, and the load that measures."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock
from tools.bootstrap.command import SetupError, run
from tools.bootstrap.paths import CACHE

if TYPE_CHECKING:
    from collections.abc import Iterator

SOURCE = Path(__file__).parents[1] / "gateway_load"
STEP = "gateway-load"


class StreamsNotOpenedError(Exception):
    """A gateway did not take as many streams as were asked for."""


@dataclass(frozen=True)
class Target:
    """Where load goes. `same`: always the same request, so that a cache can answer."""

    url: str
    key: str
    model: str = "m"
    same: bool = False


@dataclass(frozen=True)
class Load:
    """What a load has measured; times in seconds. `given_up`: the generator could not keep up with its own rate."""

    seconds: float
    requests: int
    chunks: int
    errors: int
    first_error: str
    given_up: bool
    latency_p50_seconds: float
    latency_p99_seconds: float
    first_byte_p50_seconds: float
    first_byte_p99_seconds: float


@dataclass(frozen=True)
class LoadGenerator:
    """The built program."""

    program: Path

    def closed_loop(self, target: Target, *, seconds: float, concurrency: int = 32, **answer: Any) -> Load:
        """A fixed number of requests at any time. `answer`: stream, chunks, gap (e.g. "5ms")."""
        return self._load("closed", target, duration=f"{seconds}s", concurrency=concurrency, **answer)

    def open_loop(self, target: Target, *, seconds: float, rate: float, **answer: Any) -> Load:
        """A constant rate of arrivals; times count from when a request was meant to begin."""
        return self._load("open", target, duration=f"{seconds}s", rate=rate, **answer)

    @contextmanager
    def idle_streams(self, target: Target, streams: int) -> Iterator[None]:
        """Holds this many open streams. Raises StreamsNotOpenedError when not all can be opened."""
        command = self.command("idle", target, streams=streams)
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            result = json.loads(process.stdout.readline())
            if result["opened"] != streams:
                process.kill()
                opened, why = result["opened"], result["first_error"]
                raise StreamsNotOpenedError(f"{opened} of {streams} streams could be opened: {why}")
            yield
            process.communicate()

    def command(self, kind: str, target: Target, **flags: Any) -> list[str]:
        """The command line of one kind of load."""
        given = {"url": target.url, "key": target.key, "model": target.model, "same": target.same, **flags}
        return [
            str(self.program),
            kind,
            *(f"-{name}={json.dumps(value).strip(chr(34))}" for name, value in given.items()),
        ]

    def _load(self, kind: str, target: Target, **flags: Any) -> Load:
        result = subprocess.run(self.command(kind, target, **flags), capture_output=True, text=True, check=True)
        return Load(**json.loads(result.stdout))


def build_load_generator() -> LoadGenerator:
    """Built once per machine and version of its source. Raises SetupError when Go is missing."""
    sources = sorted([*SOURCE.glob("*.go"), SOURCE / "go.mod"])
    digest = hashlib.sha256(b"".join(source.read_bytes() for source in sources)).hexdigest()[:12]
    program = CACHE / f"{STEP}-{digest}"
    CACHE.mkdir(parents=True, exist_ok=True)
    with FileLock(CACHE / f"{STEP}.lock"):
        if not program.exists():
            if shutil.which("go") is None:
                raise SetupError("The load generator is built with Go 1.26 or newer, which is missing. Install it.")
            new = program.with_suffix(".new")
            run(f"{STEP}-test", ["go", "test", "./..."], cwd=SOURCE, hint="The load generator does not judge rightly.")
            run(STEP, ["go", "build", "-trimpath", "-o", str(new), "."], cwd=SOURCE, hint="See the compiler's message.")
            new.rename(program)
    return LoadGenerator(program)
