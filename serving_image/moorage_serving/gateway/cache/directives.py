"""What a client asks of the cache, and what the cache tells it.

Cache-Control: RFC 9111, 5.2.1. Cache-Status: RFC 9211; `stored` is never said, since the headers leave before the end
of the answer decides it.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

import http_sf

if TYPE_CHECKING:
    from moorage_serving.gateway.responses import HeaderList

MISS = b"Moorage; fwd=miss"
COLLAPSED = b"Moorage; fwd=miss; collapsed"
STALE = b"Moorage; fwd=stale"
REQUESTED = b"Moorage; fwd=request"


class Directives(NamedTuple):
    """`readable`: false where the header makes no sense."""

    no_cache: bool = False
    no_store: bool = False
    max_age_seconds: int | None = None
    readable: bool = True


NO_DIRECTIVES = Directives()


def read_directives(headers: HeaderList) -> Directives:
    """The directives of a request; unknown ones are ignored."""
    values = [value for name, value in headers if name == b"cache-control"]
    return parse_directives(b", ".join(values)) if values else NO_DIRECTIVES


@lru_cache(maxsize=256)
def parse_directives(value: bytes) -> Directives:
    """Cache-Control is no structured field, but common ones parse as such: names are lower-cased for it."""
    try:
        parsed = http_sf.parse(value.lower(), tltype="dictionary")
    except http_sf.StructuredFieldError:
        return Directives(readable=False)
    if not isinstance(parsed, dict):
        return Directives(readable=False)
    max_age = parsed.get("max-age")
    seconds = _seconds(max_age[0] if isinstance(max_age, tuple) else max_age)
    if max_age is not None and seconds is None:
        return Directives(readable=False)
    return Directives("no-cache" in parsed, "no-store" in parsed, seconds)


def _seconds(value: object) -> int | None:
    """A number, in quotes too (RFC 9111 5.2)."""
    text = str(value)
    return int(text) if not isinstance(value, bool) and text.isascii() and text.isdigit() else None


def hit(remaining_seconds: int) -> bytes:
    """Cache-Status of an answer out of the cache."""
    return b"Moorage; hit; ttl=%d" % remaining_seconds


def similar_hit(remaining_seconds: int) -> bytes:
    """Cache-Status of the answer to another wording of the question."""
    return b"Moorage; hit; ttl=%d; detail=similar" % remaining_seconds


def bypass(reason: str) -> bytes:
    """Cache-Status of an answer that the cache kept out of; `reason` is a token."""
    return b"Moorage; fwd=bypass; detail=" + reason.encode()
