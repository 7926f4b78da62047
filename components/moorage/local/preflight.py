"""Checks of this machine before anything is started: each raises `LocalError` with the numbers and the way out."""

import shutil
import socket
from pathlib import Path

import psutil

from moorage.local.errors import LocalError

_GIB = 1024**3


def require_free_disk(directory: Path, required_gib: float) -> None:
    """`directory` need not exist yet."""
    existing = next(path for path in (directory, *directory.parents) if path.exists())
    free_gib = shutil.disk_usage(existing).free / _GIB
    if free_gib < required_gib:
        raise LocalError(
            f"no disk space: {directory} has {free_gib:.1f} GiB free, the stack needs {required_gib:.1f} GiB; "
            "free some, or move the checkout"
        )


def require_free_memory(program: str, required_gib: float) -> None:
    available_gib = psutil.virtual_memory().available / _GIB
    if available_gib < required_gib:
        raise LocalError(
            f"{program} needs {required_gib:.1f} GiB of memory and this machine has {available_gib:.1f} GiB available; "
            "stop something, choose a smaller or quantized model, or lower model.max_model_len"
        )


def require_total_memory(program: str, required_gib: float) -> None:
    """For a program that is started later: what this machine can never hold is refused now."""
    total_gib = psutil.virtual_memory().total / _GIB
    if total_gib < required_gib:
        raise LocalError(
            f"{program} needs {required_gib:.1f} GiB of memory and this machine has {total_gib:.1f} GiB in all; "
            "choose a smaller or quantized model, or lower model.max_model_len"
        )


def require_free_port(host: str, port: int) -> None:
    if not port_is_free(host, port):
        raise LocalError(
            f"port {port} on {host} is in use by {_holder(port)}; stop that, or set another gateway.port in the "
            "stack's configuration"
        )


def port_is_free(host: str, port: int) -> bool:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def any_free_port(host: str) -> int:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


def _holder(port: int) -> str:
    for connection in psutil.net_connections(kind="tcp"):
        listens_there = connection.status == psutil.CONN_LISTEN and connection.laddr[1:] == (port,)
        if listens_there and connection.pid:
            return f"{psutil.Process(connection.pid).name()} (process {connection.pid})"
    return "another process"
