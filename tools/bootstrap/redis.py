"""Finds a Redis or Valkey server, else installs one by the system's package manager."""

from tools.bootstrap.paths import link
from tools.bootstrap.system_packages import find_or_install

STEP = "redis"
SERVERS = ("redis-server", "valkey-server")
PACKAGES = {"apt-get": "redis-server", "dnf": "valkey", "apk": "redis", "zypper": "redis", "pacman": "valkey"}


def install_redis() -> None:
    """Makes `.tools/redis-server` a Redis or Valkey server."""
    link("redis-server", find_or_install(STEP, SERVERS, PACKAGES))
