"""A stored answer comes back as it was, or not at all."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moorage_serving.gateway.cache.entry import CorruptEntryError, Entry, decode, encode

DIGESTS = st.binary(min_size=32, max_size=32)
ENTRIES = st.builds(
    Entry, st.integers(0, 2**63), st.integers(0, 2**31), st.binary(max_size=60), st.binary(max_size=300)
)


@given(DIGESTS, ENTRIES)
def test_what_was_stored_comes_back(digest: bytes, entry: Entry) -> None:
    assert decode(digest, encode(digest, entry)) == entry


@given(DIGESTS, ENTRIES, st.data())
def test_any_changed_byte_is_noticed(digest: bytes, entry: Entry, data: st.DataObject) -> None:
    stored = bytearray(encode(digest, entry))
    stored[data.draw(st.integers(0, len(stored) - 1))] ^= data.draw(st.integers(1, 255))
    with pytest.raises(CorruptEntryError):
        decode(digest, bytes(stored))


@given(DIGESTS, ENTRIES, st.data())
def test_any_missing_end_is_noticed(digest: bytes, entry: Entry, data: st.DataObject) -> None:
    stored = encode(digest, entry)
    with pytest.raises(CorruptEntryError):
        decode(digest, stored[: data.draw(st.integers(0, len(stored) - 1))])


@given(DIGESTS, DIGESTS.filter(lambda digest: digest[0] < 128), ENTRIES)
def test_the_answer_to_another_request_is_no_answer(digest: bytes, other: bytes, entry: Entry) -> None:
    other = bytes([digest[0] ^ 128]) + other[1:]
    with pytest.raises(CorruptEntryError):
        decode(other, encode(digest, entry))


@given(DIGESTS, st.binary(max_size=200))
def test_garbage_is_no_answer(digest: bytes, garbage: bytes) -> None:
    with pytest.raises(CorruptEntryError):
        decode(digest, garbage)
