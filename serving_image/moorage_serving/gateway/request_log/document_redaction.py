"""Redacts JSON as the OpenAI API has it: every text at any depth, also JSON in texts, and what is text in disguise."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import orjson

if TYPE_CHECKING:
    from moorage_serving.gateway.request_log.redactor import Redactor

# A text as tokens, as numbers or as an encoded file: no redactor can read these, so they are left out.
LEFT_OUT = frozenset(
    {
        *("logprobs", "top_logprobs", "prompt_logprobs", "token_ids", "prompt_token_ids", "tokens"),
        *("embedding", "image_url", "input_audio", "audio", "audio_url", "video_url", "file", "b64_json"),
        *("user", "safety_identifier"),  # who it is stands in the object's name, as a keyed hash
    }
)
# Of JSON. Halves of surrogate pairs stay as they are.
ESCAPE = re.compile(r"""\\(?:(["\\/])|([bfnrt])|u((?![dD][89a-fA-F])[0-9a-fA-F]{4}))""")
MAX_ESCAPES = 4  # JSON in a text in JSON in a text
DATA_URL = re.compile(r"data:[\w/+.;=-]{0,200},[A-Za-z0-9+/=_%-]+")
MAX_DEPTH = 64


class DocumentRedaction:
    """Applies a redactor to whole documents."""

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor

    def redact_body(self, body: bytes) -> object:
        """A body that should be JSON; what is not is redacted as text."""
        try:
            document = orjson.loads(body)
        except orjson.JSONDecodeError:
            return self._text(body.decode("utf-8", "replace"), 0)
        return self.redact(document)

    def redact(self, document: object) -> object:
        """The same structure without personal data."""
        return self._value(document, 0)

    def _value(self, value: object, depth: int) -> object:
        if depth > MAX_DEPTH:
            return "[TOO_DEEP]"
        match value:
            case str():
                return self._text(value, depth)
            case dict():
                return {self._plain(str(key)): self._member(str(key), item, depth) for key, item in value.items()}
            case list():
                return self._list(value, depth)
            case bool() | None:
                return value
            case int() | float():
                return value if self._plain(str(value)) == str(value) else "[NUMBER]"
            case _:
                return f"[{type(value).__name__}]"

    def _member(self, key: str, value: object, depth: int) -> object:
        if key in LEFT_OUT:
            return value if value is None else "[LEFT_OUT]"
        if isinstance(value, str) and self._redactor.is_secret_name(key):
            return "[SECRET]"
        return self._value(value, depth + 1)

    def _list(self, values: list[object], depth: int) -> object:
        if values and all(isinstance(value, int | float) for value in values):
            return f"[{len(values)} numbers]"  # a prompt can be given as token ids
        return [self._value(value, depth + 1) for value in values]

    def _text(self, text: str, depth: int) -> str:
        """A tool call's arguments are JSON in a text, in which an @ can be written as \\u0040."""
        if text.lstrip()[:1] in ("{", "["):
            try:
                return orjson.dumps(self._value(orjson.loads(text), depth + 1)).decode()
            except orjson.JSONDecodeError:
                text = _without_escapes(text)
        return self._plain(DATA_URL.sub("[DATA]", text))

    def _plain(self, text: str) -> str:
        return self._redactor.redact(text)


def _without_escapes(text: str) -> str:
    """For JSON that was cut off, and so cannot be parsed."""
    for _ in range(MAX_ESCAPES):
        text = ESCAPE.sub(_meaning, text)
    return text


def _meaning(match: re.Match[str]) -> str:
    itself, space, code = match.groups()
    return itself or (" " if space else chr(int(code, 16)))
