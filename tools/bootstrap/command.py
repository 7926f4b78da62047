"""Runs a long command: its output goes to a log, its progress to the terminal, its failure into one message."""

import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.console import Console

from tools.bootstrap.paths import LOGS, ROOT

HEARTBEAT_SECONDS = 15
_TAIL_LINES = 12

console = Console(highlight=False, soft_wrap=True)


class SetupError(Exception):
    """Something that set-up needs is missing; the message says what, and how to get it."""


def say(step: str, message: str) -> None:
    console.print(f"setup: {step}: {message}", markup=False)


def run(
    step: str, command: Sequence[str], *, cwd: Path = ROOT, environment: Mapping[str, str] | None = None, hint: str
) -> None:
    """Runs `command`, saying every 15 s that it goes on. Raises `SetupError` with the log's end and `hint`."""
    LOGS.mkdir(parents=True, exist_ok=True)
    log = LOGS / f"{step}.log"
    started = time.monotonic()
    done = threading.Event()
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, cwd=cwd, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT
        )
        heartbeat = threading.Thread(target=_heartbeat, args=(step, started, done), daemon=True)
        heartbeat.start()
        try:
            return_code = process.wait()
        finally:
            done.set()
            heartbeat.join()
    if return_code != 0:
        tail = "\n".join(log.read_text(errors="replace").splitlines()[-_TAIL_LINES:])
        raise SetupError(f"{step} failed (exit code {return_code}):\n{tail}\n{hint}\nThe whole output: {log}")
    say(step, f"done in {time.monotonic() - started:.0f} s")


def _heartbeat(step: str, started: float, done: threading.Event) -> None:
    while not done.wait(HEARTBEAT_SECONDS):
        say(step, f"still working, {time.monotonic() - started:.0f} s")
