"""One sampled request, while its answer passes."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from moorage_serving.gateway.responses import is_event_stream

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import Message, Send

    from moorage_serving.gateway.record import RequestRecord

# Of request and answer together. A longer text would keep the writer, and with it the interpreter, busy for too long.
MAX_TEXT_BYTES = 262_144


class Recording:
    """Keeps the bytes of a request and its answer until both are complete; hands itself on then.

    `is_too_large`: the texts passed the limit and were let go of. `facts` has no text.
    """

    __slots__ = (
        "_hand_on",
        "_started_at",
        "answer",
        "facts",
        "is_event_stream",
        "is_too_large",
        "request",
        "size_bytes",
    )

    def __init__(self, hand_on: Callable[[Recording], None]) -> None:
        self._hand_on = hand_on
        self._started_at = time.time()
        self.request = b""
        self.answer: list[bytes] = []
        self.is_event_stream = False
        self.is_too_large = False
        self.size_bytes = 0
        self.facts: dict[str, object] = {}

    def ask(self, body: bytes) -> None:
        """The client's request, as it sent it."""
        self.request = body
        self._grow(len(body))

    def add(self, chunk: bytes) -> None:
        """A piece of the answer, as the client gets it."""
        if not self.is_too_large:
            self.answer.append(chunk)
            self._grow(len(chunk))

    def listen(self, send: Send) -> Send:
        """A `send` that adds what passes: the engine's answer, a cached one or an error."""

        async def send_and_add(message: Message) -> None:
            if message["type"] == "http.response.start":
                self.is_event_stream = is_event_stream(message["headers"])
            elif body := message.get("body"):
                self.add(body)
            await send(message)

        return send_and_add

    def finish(self, record: RequestRecord) -> None:
        """The request has ended, however it ended. Never waits, never raises."""
        self.facts = {
            "request_id": record.request_id.decode("latin-1"),
            "key_id": record.key_id,
            "endpoint": record.endpoint,
            "model": record.model,
            "upstream": record.upstream,
            "status": record.status,
            "outcome": record.outcome.value,
            "started_at_unix_seconds": round(self._started_at, 3),
            "duration_seconds": round(time.time() - self._started_at, 6),
            "prompt_tokens": record.usage and record.usage.prompt_tokens,
            "completion_tokens": record.usage and record.usage.completion_tokens,
        }
        self._hand_on(self)

    def _grow(self, size_bytes: int) -> None:
        self.size_bytes += size_bytes
        if self.size_bytes > MAX_TEXT_BYTES:
            self.is_too_large = True
            self.request = b""
            self.answer = []
