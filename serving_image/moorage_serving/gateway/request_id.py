"""Names every request: in logs, in the `x-request-id` of answers, and towards the engine."""

from __future__ import annotations

import random
import re

# What an incoming id may look like to be taken over: it ends up in logs and headers.
SANE = re.compile(rb"[A-Za-z0-9._:-]{1,128}")


def request_id(given: bytes | None) -> bytes:
    """The id that came with the request where it is sane, else a new one."""
    if given is not None and SANE.fullmatch(given):
        return given
    return b"%032x" % random.getrandbits(128)
