"""Where objects of the request log are kept."""

from __future__ import annotations

import contextlib
import os
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from moorage_serving.gateway.request_log.object_name import is_name

if TYPE_CHECKING:
    from collections.abc import Iterator

ONLY_OWNER = 0o700
INCOMING = "incoming"
# Long after every write: what is older was left behind by a process that was killed.
ABANDONED_AFTER_SECONDS = 3600


class Sink(Protocol):
    """A store of whole objects by name, which may block and raises OSError when it fails."""

    def put(self, name: str, content: bytes) -> None:
        """Store an object: nobody ever sees a part of it."""
        ...

    def get(self, name: str) -> bytes:
        """Raises FileNotFoundError."""
        ...

    def names(self, prefix: str = "") -> Iterator[str]:
        """All objects, or those below `prefix/`."""
        ...

    def delete(self, name: str) -> bool:
        """Whether there was such an object."""
        ...


class FolderSink:
    """Objects as files that only the owner can read. Several processes may share the folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._incoming = folder / INCOMING
        self._incoming.mkdir(mode=ONLY_OWNER, parents=True, exist_ok=True)
        self._remove_abandoned()

    def put(self, name: str, content: bytes) -> None:
        target = self._path(name)
        target.parent.mkdir(mode=ONLY_OWNER, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(dir=self._incoming)  # mode 0600
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            self._move(Path(temporary), target)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise

    def get(self, name: str) -> bytes:
        return self._path(name).read_bytes()

    def names(self, prefix: str = "") -> Iterator[str]:
        for folder in [self._folder / prefix] if prefix else sorted(self._folder.iterdir()):
            with contextlib.suppress(FileNotFoundError, NotADirectoryError):
                found = (f"{folder.name}/{file.name}" for file in sorted(folder.iterdir()))
                yield from filter(is_name, found)

    def delete(self, name: str) -> bool:
        path = self._path(name)
        try:
            path.unlink()
        except FileNotFoundError:
            return False
        with contextlib.suppress(OSError):  # has other objects still, or got one just now
            path.parent.rmdir()
        return True

    def _path(self, name: str) -> Path:
        if not is_name(name):
            raise FileNotFoundError(f"not a name of the request log: {name}")
        return self._folder / name

    def _move(self, temporary: Path, target: Path) -> None:
        try:
            temporary.rename(target)
        except FileNotFoundError:  # another process has just removed the folder with its last object
            target.parent.mkdir(mode=ONLY_OWNER, exist_ok=True)
            temporary.rename(target)

    def _remove_abandoned(self) -> None:
        for file in self._incoming.iterdir():
            with contextlib.suppress(FileNotFoundError):
                if time.time() - file.stat().st_mtime > ABANDONED_AFTER_SECONDS:
                    file.unlink()
