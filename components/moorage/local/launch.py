"""Starts one process of a local stack in a clean place, then becomes it.

Usage: python -m moorage.local.launch [--required-memory-gib NUMBER] DIRECTORY INSTANCE -- COMMAND…

A process that was killed leaves its socket behind, on which the next one could not listen, and perhaps children that
hold its memory. Both are removed first. Where the memory is not there now, the process ends with the reason, and the
supervisor tries again after a pause.
"""

import argparse
import os
import sys
from pathlib import Path

from moorage.local import preflight
from moorage.local.errors import LocalError
from moorage.local.layout import StackLayout
from moorage.local.process_group import end_recorded_group, record_group


def main(arguments: list[str]) -> None:
    own, command = _split(arguments)
    instance = StackLayout(own.directory).instance(own.instance)
    end_recorded_group(instance.group_file)
    try:
        preflight.require_free_memory(instance.name, own.required_memory_gib)
    except LocalError as error:
        raise SystemExit(f"LocalError: {error}") from error
    record_group(instance.group_file)
    for socket in (instance.socket, instance.withdrawn_socket):
        socket.unlink(missing_ok=True)
    instance.temporary_directory.mkdir(mode=0o700, exist_ok=True)
    os.execvp(command[0], command)  # noqa: S606


def _split(arguments: list[str]) -> tuple[argparse.Namespace, list[str]]:
    """What is the launcher's, and the command."""
    parser = argparse.ArgumentParser(prog="python -m moorage.local.launch")
    parser.add_argument("--required-memory-gib", type=float, default=0.0)
    parser.add_argument("directory", type=Path)
    parser.add_argument("instance")
    end = arguments.index("--") if "--" in arguments else len(arguments)
    command = arguments[end + 1 :]
    if not command:
        parser.error("-- and a command are missing")
    return parser.parse_args(arguments[:end]), command


if __name__ == "__main__":
    main(sys.argv[1:])
