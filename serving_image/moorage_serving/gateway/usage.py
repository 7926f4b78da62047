"""Token counts, read from answers as they pass."""

from __future__ import annotations

import re
from typing import NamedTuple, Protocol

import orjson

# The engine escapes quotes inside of strings, so neither expression can match in generated text.
USAGE_KEY = b'"usage"'
USAGE_OBJECT = re.compile(rb'"usage"\s*:\s*(\{[^{}]*(?:\{[^{}]*\}[^{}]*)*\})')
EVENT_END = re.compile(rb"\r?\n\r?\n")
# A usage event is some hundred bytes. An event that grows beyond this is passed on as it comes.
MAX_HELD_BYTES = 65_536
# A usage object is some hundred bytes too: enough to find one that is cut by the end of a chunk.
OVERLAP_BYTES = 2_048


class Usage(NamedTuple):
    """Tokens of one request."""

    prompt_tokens: int
    completion_tokens: int


class Tap(Protocol):
    """Sees the bytes of an answer as they pass, and keeps the last usage it saw."""

    usage: Usage | None

    def feed(self, chunk: bytes) -> bytes:
        """What to send to the client for this chunk; can be empty."""
        ...

    def finish(self) -> bytes:
        """What is still to be sent at the end of a complete answer."""
        ...

    def interrupt(self) -> bytes:
        """What has to precede an error event, when the answer broke off here."""
        ...


class DocumentTap:
    """For answers in one piece: passes the bytes, looks for the usage object."""

    __slots__ = ("_overlap", "usage")

    def __init__(self) -> None:
        self.usage: Usage | None = None
        self._overlap = b""

    def feed(self, chunk: bytes) -> bytes:
        seen = self._overlap + chunk if self._overlap else chunk
        if USAGE_KEY in seen:
            for match in USAGE_OBJECT.finditer(seen):
                self.usage = read_usage(match[1]) or self.usage
        self._overlap = seen[-OVERLAP_BYTES:]
        return chunk

    def finish(self) -> bytes:
        return b""

    def interrupt(self) -> bytes:
        return b""


class EventTap(DocumentTap):
    """For streams whose client asked for usage: the bytes are exactly the engine's."""

    __slots__ = ("_last",)

    def __init__(self) -> None:
        super().__init__()
        self._last = b"\n\n"

    def feed(self, chunk: bytes) -> bytes:
        super().feed(chunk)
        self._last = chunk
        if chunk.endswith(b"\n\n"):
            self._overlap = b""
        return chunk

    def interrupt(self) -> bytes:
        return b"" if self._last.endswith((b"\n\n", b"\r\n\r\n")) else b"\n\n"


class UsageStrippingTap:
    """For streams whose client did not ask for usage: passes whole events on, without the one that is only usage.

    An event that is not complete yet is held back until its end arrives. Any split of the same bytes into chunks gives
    the same output, as long as no event is larger than 64 KiB; larger ones are passed on as they come.
    """

    __slots__ = ("_held", "_inside_large_event", "usage")

    def __init__(self) -> None:
        self.usage: Usage | None = None
        self._held = b""
        self._inside_large_event = False

    def feed(self, chunk: bytes) -> bytes:
        data = self._held + chunk if self._held else chunk
        if USAGE_KEY not in data and data.endswith(b"\n\n"):
            self._held = b""
            self._inside_large_event = False
            return data
        return self._pass_complete_events(data)

    def finish(self) -> bytes:
        held, self._held = self._held, b""
        return held

    def interrupt(self) -> bytes:
        return b"\n\n" if self._inside_large_event else b""

    def _pass_complete_events(self, data: bytes) -> bytes:
        passed: list[bytes] = []
        start = 0
        for end in EVENT_END.finditer(data):
            event = data[start : end.end()]
            passed.append(event if self._inside_large_event else self._without_usage(event))
            self._inside_large_event = False
            start = end.end()
        self._held = data[start:]
        if self._inside_large_event or len(self._held) > MAX_HELD_BYTES:
            # Line ends stay behind: the next chunk may make them the end of the event.
            text = self._held.rstrip(b"\r\n")
            passed.append(text)
            self._held = self._held[len(text) :]
            self._inside_large_event = True
        return b"".join(passed)

    def _without_usage(self, event: bytes) -> bytes:
        if USAGE_KEY not in event or USAGE_OBJECT.search(event) is None:
            return event
        content = event.lstrip(b"\r\n")
        document = parse_event(content)
        if document is None:
            return event
        self.usage = usage_of(document.get("usage")) or self.usage
        # Blank lines before the event stay: to which of two events they belong depends on how the chunks were cut.
        return event[: len(event) - len(content)] if document.get("choices") == [] else event


def parse_event(event: bytes) -> dict[str, object] | None:
    """The JSON object of a server-sent event's data, None where it is something else."""
    lines = [line[5:].strip() for line in event.splitlines() if line.startswith(b"data:")]
    try:
        document = orjson.loads(b"\n".join(lines))
    except orjson.JSONDecodeError:
        return None
    return document if isinstance(document, dict) else None


def read_usage(text: bytes) -> Usage | None:
    """Usage out of the JSON text of a usage object."""
    try:
        return usage_of(orjson.loads(text))
    except orjson.JSONDecodeError:
        return None


def usage_of(document: object) -> Usage | None:
    """Usage out of a parsed usage object; embeddings have no completion tokens."""
    if not isinstance(document, dict):
        return None
    prompt, completion = document.get("prompt_tokens"), document.get("completion_tokens") or 0
    if not isinstance(prompt, int) or not isinstance(completion, int):
        return None
    return Usage(prompt, completion)
