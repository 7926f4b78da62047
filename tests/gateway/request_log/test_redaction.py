"""Personal data and secrets never survive redaction, wherever in a request or an answer they stand (Hypothesis)."""

from __future__ import annotations

import base64
import itertools
import json
import re
import string
import time

import phonenumbers
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from stdnum import iban, luhn

from moorage_serving.gateway.request_log.completion import assemble
from moorage_serving.gateway.request_log.document_redaction import DocumentRedaction
from moorage_serving.gateway.request_log.pattern_redactor import PatternRedactor
from moorage_serving.gateway.request_log.pieces import pieces

REDACTOR = PatternRedactor()
REDACTION = DocumentRedaction(REDACTOR)
LETTERS, DIGITS = string.ascii_letters, string.digits
ALPHANUMERIC = LETTERS + DIGITS


def text_of(alphabet: str, least: int, most: int) -> st.SearchStrategy[str]:
    return st.text(alphabet, min_size=least, max_size=most)


def grouped(digits: str, size: int, separator: str) -> str:
    return separator.join(digits[start : start + size] for start in range(0, len(digits), size))


def with_check_digits(country: str, account: str) -> str:
    return country + iban.calc_check_digits(f"{country}00{account}") + account


def example_number(region: str, number_format: int) -> str:
    example = phonenumbers.example_number(region)
    assert example is not None
    return phonenumbers.format_number(example, number_format)


FORMATS = phonenumbers.PhoneNumberFormat
LONG_ENOUGH = sorted(
    region
    for region in phonenumbers.SUPPORTED_REGIONS
    if (example := phonenumbers.example_number(region)) and example.national_number >= 1_000_000
)
SEPARATORS = st.sampled_from(["", " ", "-", ".", "\u00a0", "\u2013", " - "])
EMAILS = st.from_regex(
    r"[a-zA-Z0-9][a-zA-Z0-9._%+-]{0,20}@[a-zA-Z0-9]([a-zA-Z0-9-]{0,10}[a-zA-Z0-9])?\.[a-zA-Z]{2,8}", fullmatch=True
)
PHONES = st.one_of(
    st.builds(example_number, st.sampled_from(LONG_ENOUGH), st.sampled_from([FORMATS.E164, FORMATS.INTERNATIONAL])),
    st.builds(example_number, st.sampled_from(LONG_ENOUGH), st.just(FORMATS.NATIONAL)),
)
CARDS = st.builds(
    lambda digits, separator: grouped(digits + luhn.calc_check_digit(digits), 4, separator),
    text_of(DIGITS, 12, 18),
    SEPARATORS,
)
IBANS = st.builds(
    lambda plain, separator: grouped(plain, 4, separator),
    st.one_of(
        st.builds(lambda account: with_check_digits("DE", account), text_of(DIGITS, 18, 18)),
        st.builds(
            lambda bank, account: with_check_digits("GB", bank + account),
            text_of(string.ascii_uppercase, 4, 4),
            text_of(DIGITS, 14, 14),
        ),
        st.builds(
            lambda bank, branch, account: with_check_digits("MT", bank + branch + account),
            text_of(string.ascii_uppercase, 4, 4),
            text_of(DIGITS, 5, 5),
            text_of(string.ascii_uppercase + DIGITS, 18, 18),
        ),
    ),
    st.sampled_from(["", " "]),
)
IDENTITIES = st.one_of(
    st.from_regex(r"[0-9]{3}-[0-9]{2}-[0-9]{4}", fullmatch=True),  # United States
    st.from_regex(r"(?:AB|CE|JK|SY)( ?)[0-9]{2}\1[0-9]{2}\1[0-9]{2}\1[ABCD]", fullmatch=True),  # United Kingdom
    st.from_regex(r"[0-3][0-9](0[1-9]|1[0-2])[0-9]{2}[-+A][0-9]{3}[0-9A-FHJ-NPR-Y]", fullmatch=True),  # Finland
    st.sampled_from(["RCCMNL83S18D969H", "BOXW310820HNERXN09", "12345678Z", "X1234567L", "1 85 05 78 006 084 91"]),
)
IP_ADDRESSES = st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6)).map(str).filter(lambda text: len(text) > 3)
SECRETS = st.one_of(
    st.builds(
        str.__add__, st.sampled_from(["sk-", "ghp_", "glpat-", "hf_", "rk_live_"]), text_of(ALPHANUMERIC, 20, 60)
    ),
    text_of(string.ascii_uppercase + "234567", 16, 16).map("AKIA".__add__),
    st.binary(min_size=24, max_size=48).map(lambda key: base64.urlsafe_b64encode(key).decode()),
    st.binary(min_size=16, max_size=32).map(bytes.hex),
).filter(lambda key: re.search("[0-9]", key) is not None and re.search("[A-Za-z]", key) is not None)
PASSWORDS = text_of(ALPHANUMERIC + "!$%*+#", 4, 20)
KINDS = {
    "email": EMAILS,
    "phone": PHONES,
    "card": CARDS,
    "iban": IBANS,
    "identity": IDENTITIES,
    "ip_address": IP_ADDRESSES,
    "secret": SECRETS,
}
# What can stand directly beside one without making something else of it.
BEFORE = st.sampled_from(
    ["", " ", "\n", "(", '"', "is: ", "\u00e9t\u00e9 ", "<", "{'x': '", "- ", "at ", "\u4f60\u597d "]
)
AFTER = st.sampled_from(["", " ", "\n", ")", '"', ", and", ">", "'}", "; ", "\u3002", " or call me"])
SURROUNDINGS = st.text(st.characters(codec="utf-8", exclude_characters="0123456789[]"), max_size=30)


def compact(text: str) -> str:
    return re.sub(r"[\W_]", "", text)


def assert_gone(inserted: str, shown: str) -> None:
    assert inserted not in shown
    assert len(compact(inserted)) < 4 or compact(inserted) not in compact(shown)


@st.composite
def findings(draw: st.DrawFn, kind: str) -> tuple[str, str]:
    """Something that must not survive, and a text around it."""
    inserted = draw(KINDS[kind])
    return inserted, f"{draw(SURROUNDINGS)} {draw(BEFORE)}{inserted}{draw(AFTER)} {draw(SURROUNDINGS)}"


ANY_FINDING = st.sampled_from(sorted(KINDS)).flatmap(findings)


@pytest.mark.parametrize("kind", sorted(KINDS))
@given(data=st.data())
def test_each_kind_is_taken_out_of_text(kind: str, data: st.DataObject) -> None:
    inserted, text = data.draw(findings(kind))
    assert_gone(inserted, REDACTOR.redact(text))


@given(st.lists(ANY_FINDING, min_size=2, max_size=4))
def test_several_in_one_text_do_not_hide_each_other(found: list[tuple[str, str]]) -> None:
    shown = REDACTOR.redact(" ".join(text for _, text in found))
    for inserted, _ in found:
        assert_gone(inserted, shown)


@given(st.lists(ANY_FINDING, min_size=1, max_size=3), st.integers(1, 60))
def test_nothing_survives_where_a_long_text_is_cut(found: list[tuple[str, str]], piece_characters: int) -> None:
    words = "plain words before it and after "
    shown = PatternRedactor(piece_characters).redact(words + words.join(text for _, text in found) + words)
    for inserted, _ in found:
        assert_gone(inserted, shown)


@given(st.text(), st.integers(1, 60))
def test_pieces_are_the_whole_text(text: str, piece_characters: int) -> None:
    assert "".join(pieces(text, piece_characters)) == text


@given(st.lists(st.sampled_from([*"ab \n,.\u4f60\u3002", "words", "other words ", "x = [1, 2]\n"]), max_size=2000))
def test_ordinary_text_is_cut_into_short_pieces(parts: list[str]) -> None:
    longest = max(map(len, pieces("some words here\n" + "words and other words\n".join(parts), 100)))
    assert longest < 200


@given(PASSWORDS, st.sampled_from(["https", "postgresql", "redis"]))
def test_credentials_in_urls_are_taken_out_and_the_host_stays(password: str, scheme: str) -> None:
    assume("#" not in password)
    shown = REDACTOR.redact(f"see {scheme}://someone:{password}@db.example.com/x")
    assert "someone" not in shown
    assert shown.endswith("@db.example.com/x")


@pytest.mark.parametrize(
    "text",
    [
        *(
            "password: {}",
            "the password is {}",
            '"api_key": "{}"',
            "token={}&x=1",
            "Authorization: Bearer {}",
            "PWD='{}'",
        ),
        *("other words client secret: {}", "database password was {}", "private key =\n{}"),
    ],
)
@given(password=PASSWORDS, piece_characters=st.integers(1, 100))
def test_what_is_named_a_secret_is_taken_out(text: str, password: str, piece_characters: int) -> None:
    before = text.partition("{}")[0]
    shown = PatternRedactor(piece_characters).redact(f"some other words {text.format(password)}")
    assert password not in shown.removeprefix(f"some other words {before}")


@given(st.text(string.printable, min_size=1, max_size=400))
def test_private_keys_are_taken_out_even_when_cut_off(key: str) -> None:
    assert REDACTOR.redact(f"-----BEGIN RSA PRIVATE KEY-----\n{key}") == "[PRIVATE_KEY]"


@pytest.mark.parametrize(
    "text",
    [
        "I have 3 apples and 12 pears, which cost 4.50 each.",
        "Write a function that sorts a list in O(n log n), please.",
        "What does the C++ type std::vector<int> do at 10:30?",
        "Explain HTTP status 404, chapter 7, section 3.2.1 of RFC 9110.",
        "Der Zug f\u00e4hrt um 9 Uhr 15 von Gleis 4. \u4f60\u597d\uff0c\u4e16\u754c",
    ],
)
def test_ordinary_text_stays_as_it_is(text: str) -> None:
    assert REDACTOR.redact(text) == text


@st.composite
def nested(draw: st.DrawFn) -> tuple[str, object]:
    """A finding in a text, deep in JSON: as a value, a key, a content part, a tool call's arguments, a number."""
    inserted, text = draw(ANY_FINDING)
    document: object = text
    for wrap in draw(st.lists(st.sampled_from(["list", "value", "key", "part", "arguments", "message"]), max_size=5)):
        match wrap:
            case "list":
                document = ["x", document, None, True]
            case "value":
                document = {"a": 1, "content": document}
            case "key":
                document = {text: document}
            case "part":
                document = [{"type": "text", "text": document}]
            case "arguments":
                arguments = json.dumps({"value": document}, ensure_ascii=draw(st.booleans()))
                document = {"tool_calls": [{"function": {"name": "f", "arguments": arguments}}]}
            case _:
                document = {"messages": [{"role": "user", "content": document}]}
    return inserted, document


@given(nested())
def test_nothing_survives_at_any_depth_of_json(found: tuple[str, object]) -> None:
    inserted, document = found
    shown = json.dumps(REDACTION.redact_body(json.dumps(document).encode()), ensure_ascii=False)
    assert_gone(inserted, shown.replace('\\"', '"'))


@given(nested(), st.data())
def test_nothing_survives_in_a_body_that_is_cut_off(found: tuple[str, object], data: st.DataObject) -> None:
    inserted, document = found
    body = json.dumps({"x": document}, ensure_ascii=False).encode()
    cut = body[: data.draw(st.integers(1, len(body) - 1))]
    assert inserted not in str(REDACTION.redact_body(cut))


@given(st.integers(1_000_000, 10**18))
def test_long_numbers_are_no_way_around(number: int) -> None:
    assert str(number) not in json.dumps(REDACTION.redact({"n": [number, "x"], "m": number, "f": float(number)}))


@pytest.mark.parametrize("key", ["logprobs", "embedding", "prompt_token_ids", "image_url", "user", "safety_identifier"])
def test_what_cannot_be_read_is_left_out(key: str) -> None:
    assert REDACTION.redact({key: ["any", "thing"]}) == {key: "[LEFT_OUT]"}


def test_a_prompt_of_token_ids_is_left_out() -> None:
    assert REDACTION.redact({"prompt": [[15496, 995], [1, 2, 3]]}) == {"prompt": ["[2 numbers]", "[3 numbers]"]}


def test_a_password_in_a_tool_call_is_taken_out_by_its_name() -> None:
    arguments = json.dumps({"user_name": "x", "db_password": "hunter2"})
    assert "hunter2" not in json.dumps(REDACTION.redact({"arguments": arguments}))


def events(pieces: list[str], field: str) -> list[bytes]:
    def delta(piece: str) -> dict[str, object]:
        if field == "arguments":
            return {"tool_calls": [{"index": 0, "function": {"arguments": piece}}]}
        return {field: piece}

    made = [{"choices": [{"index": 0, "delta": delta(piece)}], "id": "c"} for piece in pieces]
    return [b"data: " + json.dumps(event).encode() + b"\n\n" for event in made] + [b"data: [DONE]\n\n"]


def cut(text: str | bytes, cuts: list[int]) -> list:
    edges = sorted({0, len(text), *(at for at in cuts if at < len(text))})
    return [text[a:b] for a, b in itertools.pairwise(edges)]


CUTS = st.lists(st.integers(0, 120), max_size=12)


@given(ANY_FINDING, CUTS, st.sampled_from(["content", "reasoning_content", "arguments"]))
def test_nothing_survives_across_the_chunks_of_a_stream(found: tuple[str, str], cuts: list[int], field: str) -> None:
    inserted, text = found
    stream = b"".join(events(cut(text, cuts), field))
    assert_gone(inserted, json.dumps(REDACTION.redact(assemble(stream)), ensure_ascii=False))


@given(st.text(max_size=60), CUTS, st.sampled_from(["content", "reasoning_content"]))
def test_a_stream_is_assembled_to_what_was_said(text: str, cuts: list[int], field: str) -> None:
    choices = assemble(b"".join(events(cut(text, cuts), field))).get("choices", [])
    said = [choice["delta"][field] for choice in choices]  # type: ignore[index, union-attr]
    assert said == ([text] if cut(text, cuts) else [])


def test_tool_calls_of_a_stream_are_told_apart() -> None:
    def event(index: int, **function: str) -> bytes:
        call = {"index": index, "function": function}
        return b"data: " + json.dumps({"choices": [{"index": 0, "delta": {"tool_calls": [call]}}]}).encode() + b"\n\n"

    stream = event(0, name="a", arguments="{") + event(1, name="b", arguments="[") + event(0, arguments="}")
    calls = assemble(stream)["choices"][0]["delta"]["tool_calls"]  # type: ignore[index]
    assert [call["function"] for call in calls] == [
        {"name": "a", "arguments": "{}"},
        {"name": "b", "arguments": "["},
    ]


ALMOST = [
    "a" * 200_000,
    "1 " * 100_000,
    "a@" * 50_000,
    "A1" * 100_000,
    "DE89 " * 10_000,
    "ff:" * 60_000,
    "1." * 100_000,
]


@pytest.mark.parametrize("text", [*ALMOST, "password " * 20_000, "://" * 60_000, "AB12 " * 10_000, "{" * 200_000])
def test_no_text_takes_quadratic_time(text: str) -> None:
    began = time.process_time()
    REDACTION.redact(text)
    assert time.process_time() - began < 20
