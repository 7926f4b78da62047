"""A client without manners: sends bytes, sees bytes, leaves when it wants."""

from __future__ import annotations

import json
import socket
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from .processes import KEY, PATIENCE_SECONDS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .processes import Gateway


def request_bytes(body: dict[str, Any] | bytes, *, path: str = "/v1/chat/completions", **headers: str) -> bytes:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = {
        "host": "gateway",
        "authorization": f"Bearer {KEY}",
        "content-length": str(len(content)),
        **{n.replace("_", "-"): v for n, v in headers.items()},
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return f"POST {path} HTTP/1.1\r\n{head}\r\n".encode() + content


@contextmanager
def connection(gateway: Gateway, *, receive_buffer_bytes: int | None = None) -> Iterator[socket.socket]:
    with socket.socket() as sock:
        if receive_buffer_bytes is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer_bytes)
        sock.settimeout(PATIENCE_SECONDS)
        sock.connect(("127.0.0.1", gateway.port))
        yield sock


def read_until(sock: socket.socket, wanted: bytes) -> bytes:
    """Everything up to and including the first read that brings `wanted`."""
    seen = b""
    while wanted not in seen:
        piece = sock.recv(65536)
        assert piece, f"the connection was closed after {seen!r}"
        seen += piece
    return seen


def read_to_close(sock: socket.socket) -> bytes:
    """Everything until the gateway closes the connection."""
    seen = b""
    while piece := sock.recv(65536):
        seen += piece
    return seen
