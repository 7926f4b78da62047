"""Whether an answer is whole, and so worth keeping."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import NamedTuple

import orjson

from moorage_serving.gateway.responses import EVENT_STREAM
from moorage_serving.gateway.usage import EVENT_END, parse_event

COMPLETE_REASONS = frozenset({"stop", "length"})
# A reason that is given. Quotes inside of strings are escaped, so this cannot match in generated text.
GIVEN_REASON = re.compile(rb'"finish_reason"\s*:\s*"')
LAST_EVENT = re.compile(rb"(?:\A|\n)data: ?\[DONE\]\s*\Z")


class NotStored(StrEnum):
    """Why an answer is not kept."""

    STATUS = "status"
    INCOMPLETE = "incomplete"
    FINISH_REASON = "finish_reason"
    TOO_LARGE = "too_large"
    REDIS = "redis"
    OTHER_REVISION = "other_revision"


class FinishedAnswer(NamedTuple):
    """A whole body, and what is known about it."""

    status: int
    content_type: bytes
    body: bytes


def judge_answer(answer: FinishedAnswer, expected_choices: int) -> NotStored | None:
    """None: every choice ended by itself or at its length, and nothing is missing."""
    if answer.status != 200:
        return NotStored.STATUS
    reasons = _reasons(answer, expected_choices)
    if reasons is None or len(reasons) != expected_choices:
        return NotStored.INCOMPLETE
    return None if COMPLETE_REASONS.issuperset(reasons.values()) else NotStored.FINISH_REASON


def _reasons(answer: FinishedAnswer, expected_choices: int) -> dict[object, object] | None:
    """Finish reasons by the index of their choice; None when the answer has no proper end."""
    if answer.content_type.startswith(EVENT_STREAM):
        return _reasons_of_stream(answer.body)
    try:
        document = orjson.loads(answer.body)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(document, dict):
        return None
    if expected_choices == 0:
        return {} if document.get("data") else None
    return _reasons_of_choices(document)


def _reasons_of_stream(body: bytes) -> dict[object, object] | None:
    if LAST_EVENT.search(body) is None:
        return None
    reasons: dict[object, object] = {}
    # Only the events that end a choice are parsed: hundreds of others precede them.
    for match in GIVEN_REASON.finditer(body):
        document = parse_event(_event_around(body, match.start()))
        if document is None:
            return None
        reasons.update(_reasons_of_choices(document))
    return reasons


def _event_around(body: bytes, position: int) -> bytes:
    start = max(body.rfind(b"\n\n", 0, position), body.rfind(b"\n\r\n", 0, position)) + 1
    end = EVENT_END.search(body, position)
    return body[start : end.start() if end else len(body)]


def _reasons_of_choices(document: dict[str, object]) -> dict[object, object]:
    choices = document.get("choices")
    if not isinstance(choices, list):
        return {}
    given = (choice for choice in choices if isinstance(choice, dict) and choice.get("finish_reason") is not None)
    # A choice whose index is no number is none, so that the answer lacks one.
    return {
        choice.get("index"): str(choice["finish_reason"])
        for choice in given
        if isinstance(choice.get("index"), int | None)
    }
