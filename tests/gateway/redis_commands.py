"""What a Redis server was asked to do, scripts' own commands among it."""

from __future__ import annotations

import re
import socket
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import redis

if TYPE_CHECKING:
    from .redis_process import RedisProcess

# As redis.io/docs/latest/commands/monitor shows it: time, [database client], words in quotes.
LINE = re.compile(r"\+[\d.]+ \[\d+ (?P<client>\S+)\] (?P<words>.*)")
WORD = re.compile(r'"((?:[^"\\]|\\.)*)"')
NO_KEYS = "The command has no key arguments"


@dataclass(frozen=True)
class Command:
    """`declared` are the keys of the script that it is a command of, None where a client sent it."""

    words: tuple[str, ...]
    declared: frozenset[str] | None

    @property
    def name(self) -> str:
        return self.words[0].lower()

    @property
    def script_keys(self) -> tuple[str, ...]:
        """Of EVAL and EVALSHA."""
        return self.words[3 : 3 + int(self.words[2])]

    def keys(self, client: redis.Redis) -> frozenset[str]:
        """As the server itself understands the command."""
        if len(self.words) == 1:
            return frozenset()
        try:
            return frozenset(client.command_getkeys(*self.words))  # type: ignore[arg-type]
        except redis.ResponseError as error:
            if NO_KEYS in str(error):
                return frozenset()
            raise


class Recording:
    """All commands from the beginning of the block to its end."""

    def __init__(self, server: RedisProcess) -> None:
        self.commands: list[Command] = []
        self._path = str(server.path)

    def __enter__(self) -> Self:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.connect(self._path)
        self._socket.sendall(b"MONITOR\r\n")
        self._lines = self._socket.makefile(encoding="latin-1", newline="\r\n")
        assert self._lines.readline() == "+OK\r\n"
        self._reader = threading.Thread(target=self._read)
        self._reader.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.shutdown(socket.SHUT_RD)
        self._reader.join()
        self._lines.close()
        self._socket.close()

    def _read(self) -> None:
        declared: frozenset[str] = frozenset()
        for line in self._lines:
            found = LINE.fullmatch(line.removesuffix("\r\n"))
            assert found is not None, line
            words = tuple(WORD.findall(found["words"]))
            command = Command(words, declared if found["client"] == "lua" else None)
            if command.name in ("eval", "evalsha"):
                declared = frozenset(command.script_keys)
            self.commands.append(command)
