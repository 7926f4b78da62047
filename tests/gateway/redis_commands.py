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
    """`client` sent it, or the script that it is a command of; `declared` are the keys of that script, None without."""

    words: tuple[str, ...]
    client: str
    declared: frozenset[str] | None

    @property
    def name(self) -> str:
        return self.words[0].lower()

    @property
    def came_over_tcp(self) -> bool:
        return not self.client.startswith("unix:")

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
        client, declared = "", frozenset[str]()
        for line in self._lines:
            found = LINE.fullmatch(line.removesuffix("\r\n"))
            assert found is not None, line
            words = tuple(WORD.findall(found["words"]))
            in_script = found["client"] == "lua"
            client = client if in_script else found["client"]
            command = Command(words, client, declared if in_script else None)
            if command.name in ("eval", "evalsha"):
                declared = frozenset(command.script_keys)
            self.commands.append(command)
