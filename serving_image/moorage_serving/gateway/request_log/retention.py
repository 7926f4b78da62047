"""Takes objects away: those that are too old, and those of a subject."""

from __future__ import annotations

from typing import TYPE_CHECKING

from moorage_serving.gateway.request_log.object_name import created_at

if TYPE_CHECKING:
    from moorage_serving.gateway.request_log.key_ring import KeyRing
    from moorage_serving.gateway.request_log.sink import Sink

DAY_SECONDS = 86_400


def delete_expired(sink: Sink, retention_days: int, now_unix_seconds: float) -> int:
    """How many objects were deleted because they are older than `retention_days`."""
    oldest = now_unix_seconds - retention_days * DAY_SECONDS
    return sum(sink.delete(name) for name in list(sink.names()) if created_at(name) < oldest)


def delete_subject(sink: Sink, key_ring: KeyRing, subject: str) -> int:
    """How many objects of `subject` were deleted, whichever key of the ring wrote them."""
    prefixes = key_ring.subject_hashes(subject)
    return sum(sink.delete(name) for prefix in prefixes for name in list(sink.names(prefix)))
