"""Waits until a process can do its work, says how far it is, and why it died if it does."""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import httpx
import redis

from moorage.local.definition import Readiness
from moorage.local.errors import LocalError
from moorage.local.supervisor import DEAD_STATES, ProcessState

POLL_SECONDS = 0.25
PROGRESS_SECONDS = 5.0
_TAIL_BYTES = 65_536
_ENDED_STATES = (*DEAD_STATES, "BACKOFF")
# The start of a line, after vLLM's process and level: a traceback's indented source lines and warnings are no reason.
_ERROR_LINE = re.compile(
    r"(?:\([^)]*\) )?(?:(?:ERROR|CRITICAL) [^]]*\] )?((?:[\w.]*(?:Error|Exception)\b|ERROR:|Fatal |\S+: error: ).*)"
)
_COUNTS_ERRORS = " validation error"
_REASON_LENGTH = 300
_REASON_IS_ABOVE = "See root cause above"


@dataclass(frozen=True)
class Address:
    """Where a process listens: a Unix socket, or host and port."""

    socket: Path | None
    host: str | None
    port: int | None

    def __str__(self) -> str:
        if self.host is None:
            return f"unix://{self.socket}"
        return f"http://[{self.host}]:{self.port}" if ":" in self.host else f"http://{self.host}:{self.port}"

    def get(self, path: str) -> httpx.Response:
        """One HTTP request, with 2 s for the answer. Raises `httpx.TransportError` where nobody listens."""
        transport = httpx.HTTPTransport(uds=str(self.socket)) if self.host is None else None
        base_url = "http://localhost" if self.host is None else str(self)
        with httpx.Client(transport=transport, base_url=base_url, timeout=2, trust_env=False) as client:
            return client.get(path)


def wait_until_ready(
    program: str,
    address: Address,
    readiness: Readiness,
    log_file: Path,
    state: Callable[[], ProcessState | None],
    listens: Callable[[], bool],
    report: Callable[[str], None],
) -> None:
    """Returns once the process listens and answers.

    `listens` tells it from the one that it replaces on the same port, which would answer as well.

    Raises `LocalError` when it ends first, or after `readiness["timeout_seconds"]`.
    """
    started = time.monotonic()
    next_report = started + PROGRESS_SECONDS
    while not (listens() and _answers(address, readiness)):
        now = time.monotonic()
        current = state()
        if current is None or current.state in _ENDED_STATES:
            raise LocalError(f"{program} ended before it was ready: {failure_reason(log_file)}")
        if now - started > readiness["timeout_seconds"]:
            raise LocalError(
                f"{program} was not ready after {readiness['timeout_seconds']:.0f} s; the last line of {log_file}: "
                f"{last_line(log_file)}"
            )
        if now >= next_report:
            next_report += PROGRESS_SECONDS
            report(f"{program}: waiting for readiness, {now - started:.0f} s · {last_line(log_file)}")
        time.sleep(POLL_SECONDS)
    report(f"{program}: ready after {time.monotonic() - started:.1f} s")


def failure_reason(log_file: Path) -> str:
    """The log's last error that does not point to another one, or its last line, and where to read more."""
    lines = _tail(log_file)
    errors = [
        _whole(match.group(1), below) for line, below in pairwise([*lines, ""]) if (match := _ERROR_LINE.match(line))
    ]
    reasons = [error for error in errors if _REASON_IS_ABOVE not in error]
    reason = (reasons or errors or [last_line(log_file)])[-1]
    return f"{reason.strip()} (the whole log: {log_file})"


def _whole(error: str, line_below: str) -> str:
    """pydantic counts the errors in the first line and names the first one below; it may list all that is allowed."""
    whole = f"{error}: {line_below.strip()}" if _COUNTS_ERRORS in error else error
    return whole if len(whole) <= _REASON_LENGTH else f"{whole[:_REASON_LENGTH]}…"


def last_line(log_file: Path) -> str:
    lines = [line for line in _tail(log_file) if line.strip()]
    return lines[-1].strip()[:160] if lines else "nothing was logged yet"


def _tail(log_file: Path) -> list[str]:
    try:
        with log_file.open("rb") as file:
            file.seek(max(0, log_file.stat().st_size - _TAIL_BYTES))
            return file.read().decode(errors="replace").splitlines()
    except FileNotFoundError:
        return []


def _answers(address: Address, readiness: Readiness) -> bool:
    if readiness["protocol"] == "redis":
        return _redis_answers(address)
    try:
        return address.get(readiness["path"]).is_success
    except httpx.TransportError:
        return False


def _redis_answers(address: Address) -> bool:
    client = redis.Redis(unix_socket_path=str(address.socket), socket_timeout=2)
    try:
        return bool(client.ping())  # pyright: ignore[reportUnknownMemberType]
    except redis.RedisError:
        return False
    finally:
        client.close()
