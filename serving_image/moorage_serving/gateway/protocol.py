"""HTTP as uvicorn speaks it, with two things that make a request cheaper than ASGI alone allows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from starlette.types import Scope

ON_DEPARTURE = "on_departure"


class GatewayProtocol(HttpToolsProtocol):
    """One connection of a client.

    The head of an answer leaves together with the first bytes of its body, which saves a system call: ASGI lets a
    server keep it until the first body event (ASGI's HTTP specification, "Response Start").

    Requests can be called when their client leaves (`on_departure`), where ASGI wants a task that waits for it.
    """

    _callbacks: set[Callable[[], None]]

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._callbacks = set()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        for callback in list(self._callbacks):
            callback()

    def on_headers_complete(self) -> None:
        super().on_headers_complete()
        self.scope["state"][ON_DEPARTURE] = self._callbacks  # type: ignore[typeddict-item]
        # An answer to HEAD has no body to wait for, and "100 Continue" is not the head of an answer.
        if self.scope["method"] == "POST" and not self.expect_100_continue:
            self.cycle.transport = AnswerTransport(self.transport)  # pyright: ignore[reportAttributeAccessIssue]

    def on_message_complete(self) -> None:
        super().on_message_complete()
        # A large body has paused it; but only who reads on can see that the client leaves.
        if not self.pipeline:
            self.flow.resume_reading()


class AnswerTransport:
    """Holds the first of an answer's writes, its head, until the second one comes."""

    __slots__ = ("_head", "_transport")

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._head: bytes | None = None

    def write(self, data: bytes) -> None:
        if self._head is None:
            self._head = data
        elif self._head:
            head, self._head = self._head, b""
            self._transport.write(head + data)
        else:
            self._transport.write(data)

    def close(self) -> None:
        if self._head:
            self._transport.write(self._head)
        self._transport.close()


def on_departure(scope: Scope) -> set[Callable[[], None]]:
    """What is called when the client of a request leaves before its answer is complete; each at most once."""
    callbacks: set[Callable[[], None]] = scope["state"][ON_DEPARTURE]
    return callbacks
