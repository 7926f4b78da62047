"""Two requests have one key exactly when they ask one engine the same thing for one tenant."""

from __future__ import annotations

import copy
import json
from typing import Any

import orjson
import pytest
from hypothesis import assume, event, given
from hypothesis import strategies as st

from moorage_serving.gateway.cache.key import (
    FIELDS_WITHOUT_EFFECT,
    LEFT_OUT,
    AmbiguousBodyError,
    Scope,
    canonical_json,
    digest,
    fingerprint,
    request_digest,
    revision_prefix,
    tenant_prefix,
)
from moorage_serving.gateway.request_body import parse_request

from .answers import CHAT, chat

SCOPE = Scope("acme", "r1")
NAMES = st.text(max_size=8)
SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**63), 2**64 - 1), st.floats(allow_nan=False, allow_infinity=False), NAMES
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(NAMES, inner, max_size=3))
)
FIELDS = st.dictionaries(NAMES.filter(lambda name: name not in LEFT_OUT), VALUES, max_size=5)


def key_of(body: bytes | dict[str, Any], scope: Scope = SCOPE, path: str = CHAT) -> bytes:
    text = body if isinstance(body, bytes) else orjson.dumps(body)
    return request_digest(scope, path, parse_request(text, can_stream=True))


def same(one: Any, other: Any) -> bool:
    """Equal as JSON: 1, 1.0 and true are not."""
    return type(one) is type(other) and json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


@given(FIELDS, FIELDS)
def test_different_documents_have_different_keys(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert (canonical_json(one) == canonical_json(other)) == same(one, other)


@given(FIELDS, st.data())
def test_every_perturbation_of_one_field_changes_the_key(fields: dict[str, Any], data: st.DataObject) -> None:
    document = chat(**{**fields, "stream_options": None})
    name = data.draw(st.sampled_from(sorted(set(document) - LEFT_OUT)))
    changed = {**document, name: data.draw(VALUES)}
    assume(not same(changed[name], document[name]))
    assert key_of(changed) != key_of(document)
    assert key_of({key: value for key, value in document.items() if key != name}) != key_of(document)


@given(st.lists(st.binary(max_size=4), max_size=5), st.lists(st.binary(max_size=4), max_size=5))
def test_parts_cannot_run_into_each_other(one: list[bytes], other: list[bytes]) -> None:
    assert (digest(*one) == digest(*other)) == (one == other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (1, 1.0),
        (1, True),
        (0, False),
        (0.0, -0.0),
        ("1", 1),
        (None, ""),
        ([], {}),
        ("\u00e9", "e\u0301"),
        ([1, 2], [2, 1]),
    ],
)
def test_values_that_look_alike_are_not_the_same(one: object, other: object) -> None:
    assert key_of(chat(field=one)) != key_of(chat(field=other))


@pytest.mark.parametrize(
    "field",
    [
        {"messages": [{"role": "system", "content": "hi"}]},
        *({name: 2} for name in ("seed", "temperature", "top_p", "top_k", "min_p", "n", "max_tokens", "logprobs")),
        *({name: 2} for name in ("presence_penalty", "repetition_penalty", "unheard_of", "cache_salt", "request_id")),
        {"tools": [{"type": "function", "function": {"name": "f"}}]},
        {"tool_choice": "none"},
        {"response_format": {"type": "json_object"}},
        {"logit_bias": {"5": 1}},
        {"stop": ["."]},
        {"model": "another"},
        {"stream": True},
    ],
    ids=lambda field: next(iter(field)),
)
def test_what_changes_the_answer_changes_the_key(field: dict[str, Any]) -> None:
    assert key_of(chat(**field)) != key_of(chat())


def test_where_and_whose_the_question_is_changes_the_key() -> None:
    keys = {
        key_of(chat()),
        key_of(chat(), Scope("acme", "r2")),
        key_of(chat(), Scope("other", "r1")),
        key_of(chat(), Scope("acm", "er1")),
        key_of(chat(), path="/v1/completions"),
    }
    assert len(keys) == 5


def test_a_stream_with_usage_is_not_a_stream_without() -> None:
    with_usage = {"stream_options": {"include_usage": True}}
    keys = {key_of(chat(**more)) for more in ({}, {"stream": True}, {"stream": True, **with_usage})}
    assert len(keys) == 3


def test_order_of_names_spaces_and_escapes_make_no_difference() -> None:
    document = chat("\u00e9\n\U0001f600", a=1, b=0.00001, stream=True)
    reverse = dict(reversed(copy.deepcopy(document).items()))
    spaced = json.dumps(reverse, indent=2).encode()
    assert key_of(document) == key_of(reverse) == key_of(spaced)


@pytest.mark.parametrize("name", FIELDS_WITHOUT_EFFECT)
def test_fields_without_effect_are_left_out_and_say_why(name: str) -> None:
    assert key_of(chat(**{name: "x"})) == key_of(chat())
    assert FIELDS_WITHOUT_EFFECT[name]


@pytest.mark.parametrize(
    "addition",
    [
        b'"temperature":0,"temperature":1',
        b'"nested":{"a":1,"a":2}',
        b'"seed":18446744073709551616',
        b'"seed":-9223372036854775809',
        b'"x":' + b"[" * 300 + b"]" * 300,
        b'"x": ' + b"[" * 900 + b"]" * 900 + b', "x": 2',
    ],
)
def test_a_body_that_parsers_read_differently_has_no_key(addition: bytes) -> None:
    body = b'{"model":"m","messages":[],' + addition + b"}"
    with pytest.raises(AmbiguousBodyError) as caught:
        key_of(body)
    assert caught.value.__cause__ is None


NUMBERS = st.from_regex(r"-?(0|[1-9][0-9]{0,21})(\.[0-9]{1,20})?([eE][+-]?[0-9]{1,2})?", fullmatch=True)


@given(NUMBERS, NUMBERS)
def test_spellings_of_numbers_share_a_key_only_where_they_are_one_number(one: str, other: str) -> None:
    try:
        keys = [key_of(f'{{"model":"m","x":{text}}}'.encode()) for text in (one, other)]
    except AmbiguousBodyError:
        event("refused")
        return
    assert (keys[0] == keys[1]) == same(json.loads(one), json.loads(other))


def test_a_fingerprint_is_no_requests_key() -> None:
    request = parse_request(orjson.dumps(chat()), can_stream=True)
    assert fingerprint(SCOPE, CHAT, request, request.document) != request_digest(SCOPE, CHAT, request)


@given(st.text(min_size=1, max_size=8), st.text(min_size=1, max_size=8))
def test_no_tenant_or_revision_reaches_into_anothers_keys(one: str, other: str) -> None:
    assume(one != other)
    for prefix in (tenant_prefix, revision_prefix):
        assert not prefix(one).startswith(prefix(other))
