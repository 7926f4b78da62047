"""The form of an encrypted object: `MRL1`, the header's length, the header as JSON, the nonce, the ciphertext.

AES-256-GCM with a random nonce of 96 bits (NIST SP 800-38D, section 8.2.2: no more than 2^32 objects a key). Magic
and header are authenticated, and the header has the object's own name: an object that was changed or moved to another
name is not opened.
"""

from __future__ import annotations

import os
import struct
from typing import TYPE_CHECKING

import orjson
from cryptography.exceptions import InvalidTag

if TYPE_CHECKING:
    from moorage_serving.gateway.request_log.key_ring import KeyRing, LogKey

MAGIC = b"MRL1"
HEADER_LENGTH = struct.Struct(">H")
NONCE_BYTES = 12


class UnreadableObjectError(Exception):
    """An object that is none, was changed, or whose key is not in the ring. Says which, and nothing of its content."""


def seal(content: bytes, name: str, key: LogKey) -> bytes:
    """The object with this content, to be stored under `name`."""
    header = orjson.dumps({"key_id": key.id, "name": name})
    authenticated = MAGIC + HEADER_LENGTH.pack(len(header)) + header
    nonce = os.urandom(NONCE_BYTES)
    return authenticated + nonce + key.cipher.encrypt(nonce, content, authenticated)


def unseal(sealed: bytes, name: str, key_ring: KeyRing) -> bytes:
    """The content of the object that was found under `name`. Raises UnreadableObjectError."""
    start = len(MAGIC) + HEADER_LENGTH.size
    if len(sealed) < start or not sealed.startswith(MAGIC):
        raise UnreadableObjectError("it is no object of the request log")
    end = start + HEADER_LENGTH.unpack_from(sealed, len(MAGIC))[0]
    key = key_ring.find(_header_value(sealed[start:end], "key_id"))
    if key is None:
        raise UnreadableObjectError("the key that it was written with is not in the ring")
    nonce = sealed[end : end + NONCE_BYTES]
    try:
        content = key.cipher.decrypt(nonce, sealed[end + NONCE_BYTES :], sealed[:end])
    except (InvalidTag, ValueError):
        raise UnreadableObjectError("it was changed after it was written") from None
    if _header_value(sealed[start:end], "name") != name:
        raise UnreadableObjectError("it was written under another name")
    return content


def _header_value(header: bytes, key: str) -> str:
    try:
        return str(orjson.loads(header)[key])
    except (orjson.JSONDecodeError, KeyError, TypeError):
        raise UnreadableObjectError("its header cannot be read") from None
