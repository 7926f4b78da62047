"""Reading usage out of passing bytes: the same whatever the network does to the boundaries of chunks."""

from __future__ import annotations

import itertools
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moorage_serving.gateway.usage import DocumentTap, EventTap, Tap, Usage, UsageStrippingTap

SEPARATORS = st.sampled_from([b"\n\n", b"\r\n\r\n"])
PIECES = st.sampled_from([*'ab"\\{}[]:, \n\r\u00e9', '"usage":{"prompt_tokens":1}'])
TEXTS = st.lists(PIECES, max_size=12).map("".join)
TOKEN = TEXTS.map(lambda text: {"choices": [{"delta": {"content": text}}]})
TOKEN_WITH_NULL = TOKEN.map(lambda event: {**event, "usage": None})
RUNNING_USAGE = TOKEN.map(lambda event: {**event, "usage": {"prompt_tokens": 7, "completion_tokens": 1}})
COUNTS = st.integers(0, 10**6)
DETAILS = st.sampled_from([{}, {"prompt_tokens_details": {"cached_tokens": 3}}, {"prompt_tokens_details": None}])
USAGE_ONLY = st.builds(
    lambda p, c, more: {"choices": [], "usage": {"prompt_tokens": p, "completion_tokens": c, **more}},
    COUNTS,
    COUNTS,
    DETAILS,
)
COMMENTS = st.sampled_from([b": ping\n\n", b"\n", b"event: x\ndata: {}\n\n", b'data: not json "usage":{}\n\n'])


def event(content: dict[str, object], separator: bytes, *, compact: bool) -> bytes:
    separators = (",", ":") if compact else (", ", ": ")
    return b"data: " + json.dumps(content, separators=separators).encode() + separator


EVENTS = st.one_of(
    COMMENTS,
    st.builds(event, st.one_of(TOKEN, TOKEN_WITH_NULL, RUNNING_USAGE), SEPARATORS, compact=st.booleans()),
)
USAGE_EVENTS = st.builds(event, USAGE_ONLY, SEPARATORS, compact=st.booleans())


@st.composite
def split_streams(draw: st.DrawFn) -> tuple[bytes, bytes, list[bytes]]:
    """A stream, the same without its usage events, and the stream cut into chunks."""
    parts = draw(st.lists(st.tuples(st.booleans(), EVENTS, USAGE_EVENTS), max_size=8))
    tail = draw(st.sampled_from([b"", b"data: [DONE]\n\n", b"data: incompl", b'data: {"usage":{']))
    whole = b"".join(usage if is_usage else other for is_usage, other, usage in parts) + tail
    kept = b"".join(b"" if is_usage else other for is_usage, other, _ in parts) + tail
    cuts = sorted(draw(st.sets(st.integers(0, len(whole)), max_size=20)))
    chunks = [whole[a:b] for a, b in zip([0, *cuts], [*cuts, len(whole)], strict=True)]
    return whole, kept, [chunk for chunk in chunks if chunk]


def pass_through(tap: Tap, chunks: list[bytes]) -> bytes:
    return b"".join(tap.feed(chunk) for chunk in chunks) + tap.finish()


@given(split_streams())
def test_stripping_removes_usage_events_and_nothing_else(stream: tuple[bytes, bytes, list[bytes]]) -> None:
    _, kept, chunks = stream
    assert pass_through(UsageStrippingTap(), chunks) == kept


@given(split_streams())
def test_stripping_and_usage_do_not_depend_on_the_cuts(stream: tuple[bytes, bytes, list[bytes]]) -> None:
    whole, _, chunks = stream
    in_one, in_many = UsageStrippingTap(), UsageStrippingTap()
    assert pass_through(in_one, [whole]) == pass_through(in_many, chunks)
    assert in_one.usage == in_many.usage


@given(split_streams())
def test_a_stream_that_is_not_stripped_stays_as_it_is_chunk_by_chunk(stream: tuple[bytes, bytes, list[bytes]]) -> None:
    _, _, chunks = stream
    tap = EventTap()
    assert [tap.feed(chunk) for chunk in chunks] == chunks
    assert tap.finish() == b""


@given(st.lists(st.integers(0, 120), max_size=6), st.text(max_size=20))
def test_usage_of_a_document_is_found_wherever_it_is_cut(cuts: list[int], text: str) -> None:
    usage = {"prompt_tokens": 5, "completion_tokens": 6, "prompt_tokens_details": None}
    whole = json.dumps({"choices": [{"text": text + '"usage":{"prompt_tokens":1}'}], "usage": usage}).encode()
    edges = sorted({0, len(whole), *(cut for cut in cuts if cut < len(whole))})
    tap = DocumentTap()
    assert pass_through(tap, [whole[a:b] for a, b in itertools.pairwise(edges)]) == whole
    assert tap.usage == Usage(5, 6)


def test_whole_events_are_passed_on_at_once() -> None:
    chunk = b'data: {"choices":[{"text":"a"}]}\n\n'
    assert UsageStrippingTap().feed(chunk) == chunk


def test_only_the_incomplete_event_is_held_back() -> None:
    tap = UsageStrippingTap()
    assert tap.feed(b"data: 1\n\ndata: 2") == b"data: 1\n\n"
    assert tap.feed(b"2\n\n") == b"data: 22\n\n"


def test_an_event_that_grows_too_large_is_passed_on_as_it_comes() -> None:
    tap = UsageStrippingTap()
    start = b'data: {"choices":[],"usage":{"prompt_tokens":1},"x":"' + b"." * 70_000
    assert tap.feed(start) == start
    assert tap.feed(b'more"}\n') == b'more"}'
    assert tap.feed(b'\ndata: {"choices":[],"usage":{"prompt_tokens":2}}\n\n') == b"\n\n"
    assert tap.usage == Usage(2, 0)


@pytest.mark.parametrize("usage", [b"[]", b'{"prompt_tokens":"x"}', b"{nonsense}", b"{}"])
def test_strange_usage_is_not_counted(usage: bytes) -> None:
    tap = EventTap()
    tap.feed(b'data: {"choices":[],"usage":' + usage + b"}\n\n")
    assert tap.usage is None


@pytest.mark.parametrize(("seen", "before_error"), [(b"data: 1\n\n", b""), (b"data: 1\n\ndata: 2", b"\n\n")])
def test_an_error_event_does_not_become_part_of_a_broken_event(seen: bytes, before_error: bytes) -> None:
    tap = EventTap()
    assert tap.feed(seen) + tap.interrupt() == seen + before_error


def test_a_broken_event_that_was_held_back_is_never_sent() -> None:
    tap = UsageStrippingTap()
    assert tap.feed(b"data: 1\n\ndata: 2") + tap.interrupt() == b"data: 1\n\n"
