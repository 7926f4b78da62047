"""Finds a program of the operating system, else installs it with the system's package manager."""

import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from tools.bootstrap.command import SetupError, run, say

INSTALL: Mapping[str, Sequence[Sequence[str]]] = {
    "apt-get": [["apt-get", "update", "-q"], ["apt-get", "install", "-qy", "--no-install-recommends"]],
    "dnf": [["dnf", "install", "-qy"]],
    "apk": [["apk", "add"]],
    "zypper": [["zypper", "--non-interactive", "install"]],
    "pacman": [["pacman", "-Sy", "--noconfirm"]],
}
"""The commands of each package manager; the last one takes the package's name."""


def find_or_install(step: str, programs: Sequence[str], packages: Mapping[str, str]) -> Path:
    """The first of `programs` that is installed, after installing a package where there is none.

    `packages` names the package by package manager. Raises `SetupError` with what to do by hand.
    """
    if (program := _find(programs)) is None:
        _install(step, programs, packages)
        program = _find(programs)
    if program is None:
        raise SetupError(f"None of {', '.join(programs)} was found. Install one of them with your package manager.")
    return program


def _find(programs: Sequence[str]) -> Path | None:
    found = next((path for name in programs if (path := shutil.which(name))), None)
    return Path(found) if found else None


def _install(step: str, programs: Sequence[str], packages: Mapping[str, str]) -> None:
    missing = f"{' or '.join(programs)} is missing"
    by_hand = f"Install {' or '.join(programs)} with your package manager, then run this again."
    manager = next((name for name in packages if shutil.which(name)), None)
    if manager is None:
        raise SetupError(f"{missing}, and no known package manager was found. {by_hand}")
    prefix = [] if os.geteuid() == 0 else ["sudo", "--non-interactive"]
    if prefix and shutil.which("sudo") is None:
        raise SetupError(f"{missing}, and installing it needs root. {by_hand}")
    say(step, f"installing {packages[manager]} with {manager}")
    # Debian starts a service on install unless it is told that the system is in single-user mode.
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
    *before, install = INSTALL[manager]
    for command in (*before, [*install, packages[manager]]):
        run(step, [*prefix, *command], environment=environment, hint=by_hand)
