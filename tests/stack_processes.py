"""The processes of a local stack, known by the paths they were started with."""

import psutil

from moorage.local.layout import StackLayout


def processes_of(layout: StackLayout) -> list[psutil.Process]:
    """Every live process with a path of this stack in its command line."""
    return [process for process in psutil.process_iter() if _belongs(process, layout)]


def _belongs(process: psutil.Process, layout: StackLayout) -> bool:
    try:
        command = " ".join(process.cmdline())
    except (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
        return False
    return str(layout.runtime_directory) in command or str(layout.directory) in command
