"""Two keys, and the name of one object."""

from __future__ import annotations

import base64

from moorage_serving.gateway.request_log.key_ring import KeyRing
from moorage_serving.gateway.request_log.object_name import new_name

OLD_KEY, NEW_KEY = bytes(range(32)), bytes(range(32, 64))
KEYS = KeyRing([OLD_KEY])
NAME = new_name(KEYS.current.subject_hash("alice"), 1_800_000_000)


def in_environment(*keys: bytes) -> str:
    return ",".join(base64.b64encode(key).decode() for key in keys)
