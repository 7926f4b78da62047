"""Which requests are recorded."""

from __future__ import annotations

import hashlib

DIGEST_BYTES = 8
RANGE = 256**DIGEST_BYTES


def is_sampled(request_id: bytes, ratio: float) -> bool:
    """The same answer for the same id in every process; over many ids, `ratio` of them."""
    digest = hashlib.blake2b(request_id, digest_size=DIGEST_BYTES).digest()
    return int.from_bytes(digest) < ratio * RANGE
