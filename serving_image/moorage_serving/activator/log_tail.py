"""Follows another process's log file."""

from __future__ import annotations

from pathlib import Path

MAX_BYTES = 1_048_576


class LogTail:
    """Complete lines, from the file's end at the time of creation on. The file may be missing, or be rotated."""

    def __init__(self, path: str) -> None:
        self._path = Path(path)
        self._offset = self._size()
        self._unfinished = b""

    def lines(self) -> list[str]:
        """Those written since the last call."""
        if self._size() < self._offset:
            self._offset = 0
        try:
            with self._path.open("rb") as file:
                file.seek(self._offset)
                content = file.read(MAX_BYTES)
        except FileNotFoundError:
            return []
        self._offset += len(content)
        *complete, self._unfinished = (self._unfinished + content).split(b"\n")
        return [line.decode(errors="replace") for line in complete]

    def _size(self) -> int:
        try:
            return self._path.stat().st_size
        except FileNotFoundError:
            return 0
