"""Finds Prometheus, else installs it by the system's package manager."""

from tools.bootstrap.paths import link
from tools.bootstrap.system_packages import find_or_install

PACKAGES = {"apt-get": "prometheus", "dnf": "golang-github-prometheus", "apk": "prometheus", "pacman": "prometheus"}


def install_prometheus() -> None:
    """Makes `.tools/prometheus` the server and `.tools/promtool` the program that checks rules."""
    for program in ("prometheus", "promtool"):
        link(program, find_or_install(program, [program], PACKAGES))
