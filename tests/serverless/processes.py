"""What runs in an environment."""

import os
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
