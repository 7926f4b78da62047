"""Finds a process's group, what it listens on, and ends what it has left behind.

The supervisor gives every process a group of its own. An environment variable would be no mark: Redis and vLLM's
workers overwrite theirs with a process title.
"""

import json
import os
import time
from contextlib import suppress
from pathlib import Path

import psutil

_KILL_SECONDS = 10
_POLL_SECONDS = 0.02
# A process's start is computed from the wall clock, which may have been set since.
_CLOCK_STEP_SECONDS = 5


def record_group(file: Path) -> None:
    """Writes down the caller's process group, of which it is the leader."""
    temporary = file.with_suffix(".new")
    temporary.write_text(json.dumps({"group": os.getpgrp(), "created": psutil.Process().create_time()}))
    temporary.replace(file)


def end_recorded_group(file: Path) -> None:
    """Kills all members of the group in `file` and waits until they are gone; there may be none, or no file."""
    deadline = time.monotonic() + _KILL_SECONDS
    while (processes := recorded_group(file)) and time.monotonic() < deadline:
        for process in processes:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        time.sleep(_POLL_SECONDS)


def recorded_group(file: Path) -> list[psutil.Process]:
    """The group's live members. None where the number has been given to another group since."""
    if not file.exists():
        return []
    recorded = json.loads(file.read_text())
    members = [process for process in psutil.process_iter() if _group_of(process) == recorded["group"]]
    leaders = [process for process in members if process.pid == recorded["group"]]
    return [] if any(_is_another(leader, recorded["created"]) for leader in leaders) else members


def listens_on(file: Path, port: int) -> bool:
    """Whether a member of the group listens on this TCP port."""
    return any(_process_listens(process, port) for process in recorded_group(file))


def _process_listens(process: psutil.Process, port: int) -> bool:
    try:
        connections = process.net_connections(kind="tcp")
    except psutil.NoSuchProcess:
        return False
    return any(found.status == psutil.CONN_LISTEN and found.laddr[1:2] == (port,) for found in connections)


def _group_of(process: psutil.Process) -> int | None:
    """None for a zombie, too: it holds nothing, and only its parent can remove it."""
    try:
        return None if process.status() == psutil.STATUS_ZOMBIE else os.getpgid(process.pid)
    except (ProcessLookupError, PermissionError, psutil.NoSuchProcess):
        return None


def _is_another(process: psutil.Process, created: float) -> bool:
    try:
        return abs(process.create_time() - created) > _CLOCK_STEP_SECONDS
    except psutil.NoSuchProcess:
        return False
