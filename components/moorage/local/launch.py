"""Starts one process of a local stack in a clean place, then becomes it.

Usage: python -m moorage.local.launch SOCKET -- COMMAND…

A process that was killed leaves its socket behind, on which the next one could not listen, and perhaps children that
hold its memory. Both are removed first.
"""

import os
import sys
from pathlib import Path

from moorage.local.definition import INSTANCE_VARIABLE
from moorage.local.orphans import end_processes_of


def main(arguments: list[str]) -> None:
    socket, separator, *command = arguments
    if separator != "--" or not command:
        raise SystemExit("usage: python -m moorage.local.launch SOCKET -- COMMAND…")
    end_processes_of({os.environ[INSTANCE_VARIABLE]})
    Path(socket).unlink(missing_ok=True)
    Path(os.environ["TMPDIR"]).mkdir(mode=0o700, exist_ok=True)
    os.execvp(command[0], command)  # noqa: S606


if __name__ == "__main__":
    main(sys.argv[1:])
