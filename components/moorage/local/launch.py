"""Starts one process of a local stack in a clean place, then becomes it.

Usage: python -m moorage.local.launch DIRECTORY INSTANCE -- COMMAND…

A process that was killed leaves its socket behind, on which the next one could not listen, and perhaps children that
hold its memory. Both are removed first.
"""

import os
import sys
from pathlib import Path

from moorage.local.layout import StackLayout
from moorage.local.process_group import end_recorded_group, record_group


def main(arguments: list[str]) -> None:
    match arguments:
        case [directory, name, "--", *command] if command:
            instance = StackLayout(Path(directory)).instance(name)
        case _:
            raise SystemExit("usage: python -m moorage.local.launch DIRECTORY INSTANCE -- COMMAND…")
    end_recorded_group(instance.group_file)
    record_group(instance.group_file)
    instance.socket.unlink(missing_ok=True)
    instance.temporary_directory.mkdir(mode=0o700, exist_ok=True)
    os.execvp(command[0], command)  # noqa: S606


if __name__ == "__main__":
    main(sys.argv[1:])
