"""Makes an entry of the log out of a recording: who, and what was said, redacted."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import orjson

from moorage_serving.gateway.request_log.completion import assemble

if TYPE_CHECKING:
    from moorage_serving.gateway.request_log.document_redaction import DocumentRedaction
    from moorage_serving.gateway.request_log.recording import Recording

SUBJECT_KEYS = ("safety_identifier", "user")  # OpenAI's present name for it, and the one before


class Entry(NamedTuple):
    """`subject` is who the client says that it asks for."""

    subject: str | None
    content: bytes


def make_entry(recording: Recording, redaction: DocumentRedaction) -> Entry:
    """Nothing of the texts leaves this function before it is redacted."""
    content = {
        **recording.facts,
        "request": redaction.redact_body(recording.request),
        "answer": _redact_answer(recording, redaction),
    }
    return Entry(_subject(recording.request), orjson.dumps(content))


def _redact_answer(recording: Recording, redaction: DocumentRedaction) -> object:
    answer = b"".join(recording.answer)
    return redaction.redact(assemble(answer)) if recording.is_event_stream else redaction.redact_body(answer)


def _subject(body: bytes) -> str | None:
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    named = (document.get(key) for key in SUBJECT_KEYS) if isinstance(document, dict) else ()
    return next((name for name in named if isinstance(name, str) and name), None)
