"""Cache-Control is read as RFC 9111 says, whatever clients write."""

from __future__ import annotations

import http_sf
import pytest
from hypothesis import given
from hypothesis import strategies as st

from moorage_serving.gateway.cache.directives import (
    COLLAPSED,
    MISS,
    NO_DIRECTIVES,
    REQUESTED,
    STALE,
    Directives,
    bypass,
    hit,
    parse_directives,
    read_directives,
    similar_hit,
)
from moorage_serving.gateway.cache.eligibility import Bypass


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (b"no-cache", Directives(no_cache=True)),
        (b"No-Cache", Directives(no_cache=True)),
        (b"no-store", Directives(no_store=True)),
        (b"max-age=0", Directives(max_age_seconds=0)),
        (b"max-age=60, no-cache", Directives(no_cache=True, max_age_seconds=60)),
        (b'max-age="60"', Directives(max_age_seconds=60)),
        (b"no-transform, only-if-cached, unheard-of=x", Directives()),
        (b"max-age", Directives(readable=False)),
        (b"max-age=soon", Directives(readable=False)),
        (b"max-age=-1", Directives(readable=False)),
        (b"max-age=1.5", Directives(readable=False)),
        (b"no-cache; no-store", Directives(no_cache=True)),
        (b"=", Directives(readable=False)),
        (b"\xff", Directives(readable=False)),
    ],
)
def test_a_header_means(value: bytes, expected: Directives) -> None:
    assert parse_directives(value) == expected


def test_several_headers_are_one_list() -> None:
    headers = [(b"cache-control", b"no-cache"), (b"host", b"x"), (b"cache-control", b"max-age=5")]
    assert read_directives(headers) == Directives(no_cache=True, max_age_seconds=5)


def test_no_header_asks_nothing() -> None:
    assert read_directives([(b"host", b"x")]) == NO_DIRECTIVES


@given(st.binary(max_size=40))
def test_no_header_is_an_error(value: bytes) -> None:
    parse_directives(value)


@pytest.mark.parametrize(
    "status", [MISS, COLLAPSED, STALE, REQUESTED, hit(5), similar_hit(5), *(bypass(reason) for reason in Bypass)]
)
def test_every_cache_status_is_a_structured_field(status: bytes) -> None:
    ((name, parameters),) = http_sf.parse(status, tltype="list")  # type: ignore[misc]
    assert str(name) == "Moorage"
    assert ("hit" in parameters) != ("fwd" in parameters)
