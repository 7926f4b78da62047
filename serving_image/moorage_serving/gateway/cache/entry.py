"""The form of a stored answer. The body is the engine's bytes: nothing is parsed or encoded to give it again."""

from __future__ import annotations

import struct
import time
import zlib
from typing import NamedTuple

MAGIC = b"MRC1"  # the last character is the version of this format
PREAMBLE = struct.Struct(">4sI")  # magic, CRC-32 of all that follows
HEADER = struct.Struct(">32sQIH")  # digest of the request, created at, lifetime, length of the content type
BODY_OFFSET = PREAMBLE.size + HEADER.size


class CorruptEntryError(Exception):
    """These bytes are no stored answer, or the answer to another request."""


class Entry(NamedTuple):
    """One answer. Times are Unix milliseconds and seconds."""

    created_at_milliseconds: int
    lifetime_seconds: int
    content_type: bytes
    body: bytes

    @property
    def age_seconds(self) -> int:
        return max(0, int(time.time() - self.created_at_milliseconds / 1000))


def encode(digest: bytes, entry: Entry) -> bytes:
    """The stored form; `digest` is the request's."""
    content_type = entry.content_type
    header = HEADER.pack(digest, entry.created_at_milliseconds, entry.lifetime_seconds, len(content_type))
    rest = b"".join((header, content_type, entry.body))
    return PREAMBLE.pack(MAGIC, zlib.crc32(rest)) + rest


def decode(digest: bytes, stored: bytes) -> Entry:
    """The answer. Raises CorruptEntryError, also when the answer belongs to a request with another digest."""
    if len(stored) < BODY_OFFSET:
        raise CorruptEntryError
    magic, checksum = PREAMBLE.unpack_from(stored)
    view = memoryview(stored)
    if magic != MAGIC or zlib.crc32(view[PREAMBLE.size :]) != checksum:
        raise CorruptEntryError
    owner, created_at_milliseconds, lifetime_seconds, content_type_bytes = HEADER.unpack_from(stored, PREAMBLE.size)
    body_at = BODY_OFFSET + content_type_bytes
    if owner != digest or body_at > len(stored):
        raise CorruptEntryError
    return Entry(created_at_milliseconds, lifetime_seconds, stored[BODY_OFFSET:body_at], stored[body_at:])
