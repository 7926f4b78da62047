"""What every gateway in the comparison is: a name, a version, and how it is started."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from pathlib import Path

MODEL = "m"


@dataclass(frozen=True)
class Place:
    """Where one gateway runs: a folder for its files, the port to listen on, and what it finds around it."""

    folder: Path
    port: int
    engine_url: str
    redis_port: int


@dataclass(frozen=True)
class Start:
    """How to start it. `ready_path` answers 200 when it serves."""

    command: list[str]
    ready_path: str
    key: str
    environment: dict[str, str] = field(default_factory=dict)


class Product(Protocol):
    """One gateway; one worker, on one core."""

    @property
    def name(self) -> str: ...

    @property
    def version(self) -> str: ...

    @property
    def has_cache(self) -> bool: ...

    def start(self, place: Place, *, cache: bool) -> Start: ...
