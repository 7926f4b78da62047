"""What runs in an environment."""

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from .environment import FunctionEnvironment


def members(group: int) -> list[int]:
    found = [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]
    return [pid for pid in found if group_of(pid) == group]


def group_of(pid: int) -> int | None:
    try:
        return os.getpgid(pid)
    except ProcessLookupError:
        return None


def engine_of(environment: FunctionEnvironment) -> int:
    names = {pid: Path(f"/proc/{pid}/comm").read_text().strip() for pid in members(environment.group)}
    (engine,) = [pid for pid, name in names.items() if name == "llama-server"]
    return engine


@contextmanager
def repeated(step: Callable[[], object]) -> Iterator[None]:
    """In a thread of its own, five milliseconds after it was done the last time."""
    ended = threading.Event()

    def repeat() -> None:
        while not ended.wait(0.005):
            step()

    thread = threading.Thread(target=repeat)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
