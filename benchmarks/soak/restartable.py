"""A process that is killed and started again at the same address."""

from __future__ import annotations

import signal
from contextlib import AbstractContextManager, ExitStack
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Callable

    import psutil


class Restartable:
    """`start` makes a context manager that runs the process; it is called again for every start."""

    def __init__(self, name: str, start: Callable[[], AbstractContextManager[psutil.Process]]) -> None:
        self.name = name
        self._start = start
        self._stack = ExitStack()
        self.process: psutil.Process | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def start(self) -> None:
        self.process = self._stack.enter_context(self._start())

    def kill(self) -> None:
        """At once, as a machine that dies does it."""
        self.signal(signal.SIGKILL)
        self._stack.close()
        self.process = None

    def signal(self, number: signal.Signals) -> None:
        if self.process is not None:
            self.process.send_signal(number)
