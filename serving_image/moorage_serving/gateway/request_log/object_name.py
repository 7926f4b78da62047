"""Names of objects: `<subject's hash>/<Unix seconds>-<random>`.

All objects of one subject share a prefix, and the age is readable, so that deleting needs no key and no decryption.
"""

from __future__ import annotations

import re
import secrets

NO_SUBJECT = "no-subject"
RANDOM_BYTES = 12
NAME = re.compile(rf"(?:[0-9a-f]{{32}}|{NO_SUBJECT})/([0-9]{{10,12}})-[0-9a-f]{{{2 * RANDOM_BYTES}}}")


def new_name(subject_hash: str, created_at_unix_seconds: int) -> str:
    """A name that no other object has."""
    return f"{subject_hash}/{created_at_unix_seconds:010d}-{secrets.token_hex(RANDOM_BYTES)}"


def is_name(text: str) -> bool:
    return NAME.fullmatch(text) is not None


def created_at(name: str) -> int:
    """Unix seconds. Raises ValueError for what is no object's name."""
    match = NAME.fullmatch(name)
    if match is None:
        raise ValueError("not a name of the request log")
    return int(match[1])
