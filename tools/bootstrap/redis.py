"""Finds a Redis or Valkey server, else installs one by the system's package manager."""

import os
import shutil
from pathlib import Path

from tools.bootstrap.command import SetupError, run, say
from tools.bootstrap.paths import link

STEP = "redis"
SERVERS = ("redis-server", "valkey-server")
INSTALL_COMMANDS = {
    "apt-get": [["apt-get", "update", "-q"], ["apt-get", "install", "-qy", "--no-install-recommends", "redis-server"]],
    "dnf": [["dnf", "install", "-qy", "valkey"]],
    "apk": [["apk", "add", "redis"]],
    "zypper": [["zypper", "--non-interactive", "install", "redis"]],
    "pacman": [["pacman", "-Sy", "--noconfirm", "valkey"]],
}


def install_redis() -> None:
    """Makes `.tools/redis-server` a Redis or Valkey server."""
    server = _find()
    if server is None:
        _install()
        server = _find()
    if server is None:
        raise SetupError(f"None of {', '.join(SERVERS)} was found. Install one of them with your package manager.")
    link("redis-server", server)


def _find() -> Path | None:
    found = next((path for name in SERVERS if (path := shutil.which(name))), None)
    return Path(found) if found else None


def _install() -> None:
    manager = next((name for name in INSTALL_COMMANDS if shutil.which(name)), None)
    by_hand = "Install redis-server or valkey-server with your package manager, then run this again."
    if manager is None:
        raise SetupError(f"A Redis or Valkey server is missing, and no known package manager was found. {by_hand}")
    prefix = [] if os.geteuid() == 0 else ["sudo", "--non-interactive"]
    if prefix and shutil.which("sudo") is None:
        raise SetupError(f"A Redis or Valkey server is missing, and installing one needs root. {by_hand}")
    say(STEP, f"installing a server with {manager}")
    # Debian starts a service on install unless it is told that the system is in single-user mode.
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
    for command in INSTALL_COMMANDS[manager]:
        run(STEP, [*prefix, *command], environment=environment, hint=by_hand)
