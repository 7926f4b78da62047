"""Finds and ends processes by the mark that all processes of an instance carry in their environment."""

import os
from collections.abc import Collection
from contextlib import suppress

import psutil

from moorage.local.definition import INSTANCE_VARIABLE

_KILL_SECONDS = 10


def processes_of(instances: Collection[str]) -> list[psutil.Process]:
    """Every live process of these instances, except the caller."""
    return [process for process in psutil.process_iter() if process.pid != os.getpid() and _mark(process) in instances]


def end_processes_of(instances: Collection[str]) -> None:
    """Kills what is left of these instances, and waits until it is gone."""
    processes = processes_of(instances)
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(processes, timeout=_KILL_SECONDS)


def _mark(process: psutil.Process) -> str | None:
    try:
        return process.environ().get(INSTANCE_VARIABLE)
    except (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
        return None
