"""Where the configuration document comes from."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from pathlib import Path


class SourceError(Exception):
    """There is no document to be read. The text is one line."""


class ConfigSource(Protocol):
    """One place."""

    def read(self) -> bytes:
        """What is there now; raises SourceError."""
        ...

    def __str__(self) -> str:
        """As messages name it."""
        ...


@dataclass(frozen=True)
class ConfigFile:
    """A file, which may be replaced by another one."""

    path: Path

    def read(self) -> bytes:
        try:
            return self.path.read_bytes()
        except OSError as error:
            raise SourceError(f"cannot read {self.path}: {error.strerror}") from error

    def __str__(self) -> str:
        return str(self.path)


@dataclass(frozen=True)
class ConfigVariable:
    """A variable of the environment, for containers that get no files. It is what it was when the process started."""

    name: str

    def read(self) -> bytes:
        value = os.environ.get(self.name)
        if not value:
            raise SourceError(f"the environment variable {self.name} must hold the configuration, but is not set")
        return value.encode()

    def __str__(self) -> str:
        return f"${self.name}"
