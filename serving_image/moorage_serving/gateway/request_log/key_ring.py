"""Keys of the request log: one writes, all read."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from typing import TYPE_CHECKING, NamedTuple

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

if TYPE_CHECKING:
    from collections.abc import Sequence

KEY_BYTES = 32
KEY_ID_BYTES = 8
SUBJECT_BYTES = 16


class InvalidKeysError(ValueError):
    """The keys cannot be used. The message never has anything of a key."""


class LogKey(NamedTuple):
    """What is derived of one key: nothing is both a cipher's key and a hash's. `id` may be known to everybody."""

    id: str
    cipher: AESGCM
    subject_key: bytes

    def subject_hash(self, subject: str) -> str:
        """Stands for a subject in names of objects; says nothing about it without the key."""
        return hmac.digest(self.subject_key, subject.encode("utf-8", "surrogatepass"), hashlib.sha256)[
            :SUBJECT_BYTES
        ].hex()


class KeyRing:
    """The first key is the one to write with; older ones are kept to read and delete what they wrote."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        self.keys = tuple(_derive(key) for key in keys)
        self.current = self.keys[0]
        self._by_id = {key.id: key for key in self.keys}

    def find(self, key_id: str) -> LogKey | None:
        """The key with this id, None when the ring does not have it."""
        return self._by_id.get(key_id)

    def subject_hashes(self, subject: str) -> list[str]:
        """Every hash that the subject's objects can have, whichever key wrote them."""
        return [key.subject_hash(subject) for key in self.keys]


def parse_key_ring(text: str) -> KeyRing:
    """The ring in an environment variable: keys of 32 bytes in base64, separated by commas, the current one first.

    Raises InvalidKeysError.
    """
    keys = [_decode(number, part.strip()) for number, part in enumerate(text.split(","), start=1)]
    if len(set(keys)) != len(keys):
        raise InvalidKeysError("the same key stands there twice")
    return KeyRing(keys)


def _decode(number: int, text: str) -> bytes:
    try:
        key = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        # Not chained: the cause's message can have a part of the key.
        raise InvalidKeysError(f"key {number} is not base64") from None
    if len(key) != KEY_BYTES:
        raise InvalidKeysError(f"key {number} has {len(key)} bytes, {KEY_BYTES} are needed (openssl rand -base64 32)")
    return key


def _derive(key: bytes) -> LogKey:
    def expand(purpose: bytes, length: int) -> bytes:
        # RFC 5869, section 3.3: a key that is uniformly random needs no extract step.
        return HKDFExpand(SHA256(), length, b"moorage request log 1: " + purpose).derive(key)

    return LogKey(
        expand(b"id", KEY_ID_BYTES).hex(), AESGCM(expand(b"cipher", KEY_BYTES)), expand(b"subject", KEY_BYTES)
    )
