"""What processes tell each other about an answer that several of them read. No I/O.

A message is one line of JSON and, after it, the bytes of the answer that it brings.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from moorage_serving.gateway.errors import GatewayError

if TYPE_CHECKING:
    from moorage_serving.gateway.responses import HeaderList


class Address(NamedTuple):
    """One flight in one process, whose name is hexadecimal."""

    process: str
    number: int

    @property
    def text(self) -> str:
        return f"{self.process}.{self.number}"


class Follow(NamedTuple):
    """To the leader: `sender` wants the answer from its beginning. `digest` is the request's, in hex."""

    to: int
    sender: Address
    digest: str


class Taken(NamedTuple):
    """To the leader, now and then: so many bytes of the answer are taken in, and `sender` is still there."""

    to: int
    sender: Address
    total_bytes: int


class Leave(NamedTuple):
    """To the leader: `sender` reads no more."""

    to: int
    sender: Address


class Beginning(NamedTuple):
    """An answer's status and headers."""

    status: int
    headers: HeaderList


class Piece(NamedTuple):
    """To a follower: more of the answer. `sequence` counts from 0; `beginning` comes with the first."""

    to: int
    sequence: int
    beginning: Beginning | None
    ended: bool
    body: bytes


class Failure(NamedTuple):
    """To a follower: what every reader gets after the bytes that came before it."""

    to: int
    sequence: int
    error: GatewayError


class Alive(NamedTuple):
    """To a follower: nothing new, and the leader is still there."""

    to: int


class Gone(NamedTuple):
    """To a follower: there is no such answer, or it cannot be joined any more."""

    to: int


ToLeader = Follow | Taken | Leave
ToFollower = Piece | Failure | Alive | Gone
FlightMessage = ToLeader | ToFollower


def parse_address(text: bytes) -> Address:
    """Reads `Address.text`."""
    process, _, number = text.decode().partition(".")
    return Address(process, int(number))


def encode(message: FlightMessage) -> bytes:
    """The form in which it is published."""
    match message:
        case Follow(to, sender, digest):
            return orjson.dumps(["follow", to, *sender, digest])
        case Taken(to, sender, total_bytes):
            return orjson.dumps(["taken", to, *sender, total_bytes])
        case Leave(to, sender):
            return orjson.dumps(["leave", to, *sender])
        case Piece(to, sequence, beginning, ended, body):
            begun = None if beginning is None else [beginning.status, _as_texts(beginning.headers)]
            return orjson.dumps(["piece", to, sequence, begun, ended]) + b"\n" + body
        case Failure(to, sequence, error):
            told = [error.status, error.code, error.message, error.type, error.param, _as_texts(error.headers)]
            return orjson.dumps(["failure", to, sequence, told])
        case Alive(to):
            return orjson.dumps(["alive", to])
        case Gone(to):
            return orjson.dumps(["gone", to])


def decode(published: bytes) -> FlightMessage | None:
    """None where it makes no sense: whoever may publish may publish anything."""
    line, _, body = published.partition(b"\n")
    try:
        return _message(orjson.loads(line), body)
    except (ValueError, TypeError, AttributeError):  # no JSON, or headers that are none
        return None


def _message(fields: Any, body: bytes) -> FlightMessage | None:
    match fields:
        case ["follow", int(to), str(process), int(number), str(digest)]:
            return Follow(to, Address(process, number), digest)
        case ["taken", int(to), str(process), int(number), int(total_bytes)]:
            return Taken(to, Address(process, number), total_bytes)
        case ["leave", int(to), str(process), int(number)]:
            return Leave(to, Address(process, number))
        case ["piece", int(to), int(sequence), None, bool(ended)]:
            return Piece(to, sequence, None, ended, body)
        case ["piece", int(to), int(sequence), [int(status), list(headers)], bool(ended)]:
            return Piece(to, sequence, Beginning(status, _as_bytes(headers)), ended, body)
        case [
            "failure",
            int(to),
            int(sequence),
            [int(status), str(code), str(text), str(kind), None | str() as param, list(headers)],
        ]:
            error = GatewayError(status, code, text, kind, param, tuple(_as_bytes(headers)))
            return Failure(to, sequence, error)
        case ["alive", int(to)]:
            return Alive(to)
        case ["gone", int(to)]:
            return Gone(to)
        case _:
            return None


def _as_texts(headers: HeaderList | tuple[tuple[bytes, bytes], ...]) -> list[tuple[str, str]]:
    return [(name.decode("latin-1"), value.decode("latin-1")) for name, value in headers]


def _as_bytes(headers: list[list[str]]) -> HeaderList:
    return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]
