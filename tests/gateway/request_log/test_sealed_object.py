"""Only who has the key reads a record, under its own name, and no bit of it changed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moorage_serving.gateway.request_log.key_ring import InvalidKeysError, KeyRing, parse_key_ring
from moorage_serving.gateway.request_log.object_name import new_name
from moorage_serving.gateway.request_log.sealed_object import MAGIC, NONCE_BYTES, UnreadableObjectError, seal, unseal

from .keys import KEYS, NAME, NEW_KEY, OLD_KEY, in_environment

TAG_BYTES = 16  # of AES-GCM


@given(st.binary(max_size=2000))
def test_what_was_sealed_is_unsealed(content: bytes) -> None:
    sealed = seal(content, NAME, KEYS.current)
    assert unseal(sealed, NAME, KEYS) == content
    # What is in clear is the same whatever the content, which may be just that.
    in_clear = seal(b"", NAME, KEYS.current)[: -NONCE_BYTES - TAG_BYTES]
    assert sealed.startswith(in_clear)
    assert len(content) < 4 or content not in sealed[len(in_clear) :]


def test_a_content_that_is_what_stands_in_clear_is_sealed_too() -> None:
    sealed = seal(MAGIC, NAME, KEYS.current)
    assert unseal(sealed, NAME, KEYS) == MAGIC
    assert sealed.count(MAGIC) == 1


@given(st.data())
def test_an_object_that_was_changed_anywhere_is_not_opened(data: st.DataObject) -> None:
    sealed = bytearray(seal(b"content", NAME, KEYS.current))
    sealed[data.draw(st.integers(0, len(sealed) - 1))] ^= data.draw(st.integers(1, 255))
    with pytest.raises(UnreadableObjectError):
        unseal(bytes(sealed), NAME, KEYS)


@given(st.binary(max_size=200))
def test_what_is_no_object_is_not_opened(data: bytes) -> None:
    with pytest.raises(UnreadableObjectError):
        unseal(data, NAME, KEYS)


def test_an_object_that_was_moved_is_not_opened() -> None:
    sealed = seal(b"content", NAME, KEYS.current)
    with pytest.raises(UnreadableObjectError, match="another name"):
        unseal(sealed, new_name(KEYS.current.subject_hash("bob"), 1_800_000_000), KEYS)


def test_the_same_content_is_never_the_same_object() -> None:
    assert len({seal(b"content", NAME, KEYS.current) for _ in range(50)}) == 50


def test_an_older_key_still_reads_and_a_foreign_one_does_not() -> None:
    sealed = seal(b"content", NAME, KEYS.current)
    assert unseal(sealed, NAME, KeyRing([NEW_KEY, OLD_KEY])) == b"content"
    with pytest.raises(UnreadableObjectError, match="not in the ring"):
        unseal(sealed, NAME, KeyRing([NEW_KEY]))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "key 1 has 0 bytes"),
        ("not base64!", "key 1 is not base64"),
        (f"{in_environment(OLD_KEY)},c2hvcnQ=", "key 2 has 5 bytes"),
        (in_environment(OLD_KEY, OLD_KEY), "twice"),
    ],
)
def test_keys_that_cannot_be_used_are_refused_without_being_shown(text: str, message: str) -> None:
    with pytest.raises(InvalidKeysError, match=message) as raised:
        parse_key_ring(text)
    assert not text or text not in str(raised.value)


def test_a_subject_is_a_keyed_hash() -> None:
    ring = parse_key_ring(in_environment(NEW_KEY, OLD_KEY))
    assert ring.subject_hashes("alice") == [KeyRing([NEW_KEY]).current.subject_hash("alice"), NAME.partition("/")[0]]
    assert len({KEYS.current.subject_hash(subject) for subject in ("alice", "Alice", "bob", "")}) == 4
