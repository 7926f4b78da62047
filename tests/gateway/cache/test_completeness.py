"""Only whole answers are worth keeping."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from moorage_serving.gateway.cache.completeness import FinishedAnswer, NotStored, judge_answer
from moorage_serving.gateway.cache.eligibility import expected_choices

from .answers import CHAT, DONE, choice, document_answer, event, stream_events

JSON, EVENTS = b"application/json", b"text/event-stream"
WHOLE = stream_events("a", "b")


def judge_document(body: bytes, expected: int = 1, status: int = 200) -> NotStored | None:
    return judge_answer(FinishedAnswer(status, JSON, body), expected)


def judge_stream(*events: bytes, expected: int = 1) -> NotStored | None:
    return judge_answer(FinishedAnswer(200, EVENTS, b"".join(events)), expected)


@pytest.mark.parametrize("reason", ["stop", "length"])
def test_an_answer_that_ended_is_kept(reason: str) -> None:
    assert judge_document(document_answer("x", reason)) is None
    assert judge_stream(*stream_events("a", reason=reason)) is None


@pytest.mark.parametrize("reason", ["tool_calls", "content_filter", "abort", "error"])
def test_an_answer_that_ended_otherwise_is_not(reason: str) -> None:
    assert judge_document(document_answer("x", reason)) is NotStored.FINISH_REASON
    assert judge_stream(*stream_events("a", reason=reason)) is NotStored.FINISH_REASON


@pytest.mark.parametrize("cut", range(1, len(WHOLE) + 1))
def test_a_stream_without_its_end_is_not(cut: int) -> None:
    assert judge_stream(*WHOLE[:-cut]) is NotStored.INCOMPLETE


def test_no_cut_of_a_stream_passes_for_whole() -> None:
    whole = b"".join(WHOLE)
    kept = [length for length in range(len(whole)) if judge_stream(whole[:length]) is None]
    assert all(whole[length:].strip() == b"" for length in kept)


def test_a_stream_may_have_carriage_returns() -> None:
    assert judge_stream(b"".join(WHOLE).replace(b"\n", b"\r\n")) is None


def test_generated_text_cannot_pretend_an_end() -> None:
    fake = '"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'
    assert judge_stream(event({"choices": [choice(fake)]})) is NotStored.INCOMPLETE
    assert judge_stream(event({"choices": [choice(fake)]}), DONE) is NotStored.INCOMPLETE


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b'"x"', b"{}", b'{"choices":[]}', b'{"choices":{}}', b'{"choices":[1]}', b'{"error":{}}']
)
def test_what_is_no_answer_is_not(body: bytes) -> None:
    assert judge_document(body) is NotStored.INCOMPLETE
    assert judge_document(body, expected=0) is NotStored.INCOMPLETE


@pytest.mark.parametrize("index", [[0], {"of": 0}, "0", 0.5])
def test_a_choice_whose_index_is_no_number_does_not_count(index: object) -> None:
    body = orjson.dumps({"choices": [{"index": index, "finish_reason": "stop", "text": "whole"}]})
    assert judge_document(body) is NotStored.INCOMPLETE


@pytest.mark.parametrize("status", [201, 400, 404, 429, 500, 503])
def test_only_a_success_is_kept(status: int) -> None:
    assert judge_document(document_answer(), status=status) is NotStored.STATUS


def test_every_choice_has_to_end() -> None:
    events = [event({"choices": [choice("a", index=index)]}) for index in (0, 1)]
    first, second = (event({"choices": [choice("", "stop", index)]}) for index in (0, 1))
    assert judge_stream(*events, first, DONE, expected=2) is NotStored.INCOMPLETE
    assert judge_stream(*events, first, second, DONE, expected=2) is None
    assert judge_stream(*events, first, event({"choices": [choice("", "tool_calls", 1)]}), DONE, expected=2) is (
        NotStored.FINISH_REASON
    )


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ({}, 1),
        ({"n": 3}, 3),
        ({"n": None}, 1),
        ({"prompt": "a"}, 1),
        ({"prompt": [1, 2, 3]}, 1),
        ({"prompt": ["a", "b"], "n": 2}, 4),
        ({"prompt": [[1], [2], [3]]}, 3),
        ({"prompt": []}, 1),
    ],
)
def test_how_many_choices_are_due(document: dict[str, Any], expected: int) -> None:
    assert expected_choices("/v1/completions", document) == expected


def test_embeddings_have_data_and_no_choices() -> None:
    assert expected_choices("/v1/embeddings", {"input": ["a", "b"]}) == 0
    assert judge_document(orjson.dumps({"object": "list", "data": [{"embedding": [0.5]}]}), expected=0) is None
    assert expected_choices(CHAT, {}) == 1
