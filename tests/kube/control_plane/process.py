"""Runs one of the control plane's programs, its output in a file."""

import socket
import subprocess
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx
from tools.bootstrap.paths import TOOLS

START_SECONDS = 90
STOP_SECONDS = 20
POLL_SECONDS = 0.1
_TAIL_CHARACTERS = 3000


@contextmanager
def running(
    program: str,
    arguments: Sequence[str],
    *,
    directory: Path,
    ready: Callable[[], bool],
    environment: Mapping[str, str] | None = None,
) -> Generator["subprocess.Popen[bytes]"]:
    """The program of this name out of `.tools`, from the moment when it is ready until the block ends."""
    log = directory / f"{program}.log"
    with log.open("ab") as output:
        process = subprocess.Popen(
            [str(TOOLS / program), *arguments], stdout=output, stderr=subprocess.STDOUT, cwd=directory, env=environment
        )
    try:
        _wait_until_ready(process, program, ready, log)
        yield process
    finally:
        stop(process)


def stop(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def free_port() -> int:
    """A loopback port that nothing listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def answers(url: str) -> Callable[[], bool]:
    """Whether an endpoint answers with 200, whoever has signed its certificate."""

    def look() -> bool:
        try:
            return httpx.get(url, verify=False, trust_env=False, timeout=2).status_code == httpx.codes.OK  # noqa: S501
        except httpx.TransportError:
            return False

    return look


def _wait_until_ready(process: "subprocess.Popen[bytes]", program: str, ready: Callable[[], bool], log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not ready():
        if process.poll() is not None or time.monotonic() > deadline:
            tail = log.read_text(errors="replace")[-_TAIL_CHARACTERS:]
            raise AssertionError(f"{program} is not ready (exit code {process.poll()}):\n{tail}")
        time.sleep(POLL_SECONDS)
