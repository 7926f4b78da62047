"""llama.cpp's server as a child process."""

from __future__ import annotations

import http.client
import os
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from moorage_serving.serverless.cold_start import ColdStart

LOOK_SECONDS = 0.02
LOOK_TIMEOUT_SECONDS = 1.0
STOP_SECONDS = 1.0
HOST = "127.0.0.1"
_OWN_VARIABLES = ("LLAMA_", "PATH", "TMPDIR")


class EngineError(Exception):
    """The engine has ended, or did not start. The text is one line."""


@dataclass(frozen=True)
class EngineSettings:
    """What is served, and where."""

    program: Path
    weights: Path
    port: int

    @property
    def command(self) -> list[str]:
        """Without a page, a download or a look at what others ask."""
        options = ("--metrics", "--no-slots", "--no-ui", "--offline", "--log-colors", "off")
        return [str(self.program), "--model", str(self.weights), *options]

    def environment(self, given: Mapping[str, str]) -> dict[str, str]:
        """Context and threads are what `given` says, by the server's own variables; the rest is not the engine's."""
        own = {name: value for name, value in given.items() if name.startswith(_OWN_VARIABLES)}
        return {**own, "LLAMA_ARG_HOST": HOST, "LLAMA_ARG_PORT": str(self.port)}


class Engine:
    """Started with the object. What it logs goes to standard error."""

    def __init__(self, settings: EngineSettings, cold_start: ColdStart) -> None:
        """Raises EngineError where the program cannot be started."""
        self._port = settings.port
        self._cold_start = cold_start
        self._is_stopping = False
        try:
            self._process = subprocess.Popen(
                settings.command,
                env=settings.environment(os.environ),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
            )
        except OSError as error:
            raise EngineError(f"cannot start {settings.program}: {error.strerror}") from error
        self._reading = threading.Thread(target=self._read_log, daemon=True)
        self._reading.start()

    @property
    def address(self) -> str:
        """Without `/v1`."""
        return f"http://{HOST}:{self._port}"

    def wait_until_ready(self) -> None:
        """Until it would answer. Raises EngineError when it ends before."""
        while not self._is_ready():
            if (code := self._process.poll()) is not None:
                raise EngineError(f"the engine has ended with {code} before it was ready")
            time.sleep(LOOK_SECONDS)

    def when_lost(self, tell: Callable[[int], None]) -> None:
        """Calls `tell` with the exit code, in a thread, when the engine ends without having been stopped."""

        def wait() -> None:
            code = self._process.wait()
            if not self._is_stopping:
                tell(code)

        threading.Thread(target=wait, daemon=True).start()

    def stop(self) -> None:
        """Returns when it has ended."""
        self._is_stopping = True
        self._process.terminate()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._reading.join(STOP_SECONDS)

    def _is_ready(self) -> bool:
        connection = http.client.HTTPConnection(HOST, self._port, timeout=LOOK_TIMEOUT_SECONDS)
        try:
            connection.request("GET", "/health")
            return connection.getresponse().status == http.client.OK
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def _read_log(self) -> None:
        assert self._process.stdout is not None  # noqa: S101 - it is piped
        with self._process.stdout as lines:
            for line in lines:
                self._cold_start.read(line.decode(errors="replace"), time.monotonic())
                sys.stderr.buffer.write(line)
                sys.stderr.buffer.flush()
