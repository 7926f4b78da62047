"""Writes application/vnd.amazon.eventstream, from its description and without the AWS SDK.

docs.aws.amazon.com/transcribe/latest/dg/streaming-setting-up.html (event stream encoding, 2026-11)
"""

from __future__ import annotations

import json
import struct
import zlib

STRING = 7


def message(headers: dict[str, str], payload: bytes) -> bytes:
    """Prelude (lengths and their CRC), headers, payload, CRC of everything."""
    encoded = b"".join(_header(name.encode(), value.encode()) for name, value in headers.items())
    lengths = struct.pack(">II", 12 + len(encoded) + len(payload) + 4, len(encoded))
    checked = lengths + struct.pack(">I", zlib.crc32(lengths)) + encoded + payload
    return checked + struct.pack(">I", zlib.crc32(checked))


def payload_part(payload: bytes) -> bytes:
    return message(
        {":message-type": "event", ":event-type": "PayloadPart", ":content-type": "application/octet-stream"}, payload
    )


def exception(exception_type: str, **members: str) -> bytes:
    """An error that the API describes, such as ModelStreamError."""
    headers = {
        ":message-type": "exception",
        ":exception-type": exception_type,
        ":content-type": "application/json",
    }
    return message(headers, json.dumps(members).encode())


def error(code: str, text: str) -> bytes:
    """An error that the API does not describe."""
    return message({":message-type": "error", ":error-code": code, ":error-message": text}, b"")


def _header(name: bytes, value: bytes) -> bytes:
    return bytes([len(name)]) + name + bytes([STRING]) + struct.pack(">H", len(value)) + value
