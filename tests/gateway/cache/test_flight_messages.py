"""What processes tell each other comes as it was sent, and what is no message is none."""

from __future__ import annotations

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from moorage_serving.gateway.cache.flight_messages import (
    Address,
    Alive,
    Beginning,
    Failure,
    FlightMessage,
    Follow,
    Gone,
    Leave,
    Piece,
    Taken,
    decode,
    encode,
    parse_address,
)
from moorage_serving.gateway.errors import GatewayError

NUMBERS = st.integers(0, 2**63 - 1)
HEXADECIMAL = st.text("0123456789abcdef", min_size=1)
ADDRESSES = st.builds(Address, HEXADECIMAL, NUMBERS)
# What HTTP lets be in a header is a part of Latin-1.
HEADERS = st.lists(st.tuples(st.binary(max_size=20), st.binary(max_size=20)), max_size=4)
ERRORS = st.builds(
    GatewayError,
    status=st.integers(400, 599),
    code=st.text(),
    message=st.text(),
    type=st.text(),
    param=st.none() | st.text(),
    headers=HEADERS.map(tuple),
)
MESSAGES: st.SearchStrategy[FlightMessage] = st.one_of(
    st.builds(Follow, NUMBERS, ADDRESSES, HEXADECIMAL),
    st.builds(Taken, NUMBERS, ADDRESSES, NUMBERS),
    st.builds(Leave, NUMBERS, ADDRESSES),
    st.builds(
        Piece,
        NUMBERS,
        NUMBERS,
        st.none() | st.builds(Beginning, st.integers(100, 599), HEADERS),
        st.booleans(),
        st.binary(),
    ),
    st.builds(Failure, NUMBERS, NUMBERS, ERRORS),
    st.builds(Alive, NUMBERS),
    st.builds(Gone, NUMBERS),
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.text(), lambda inner: st.lists(inner, max_size=6)
)
KINDS = st.sampled_from(["follow", "taken", "leave", "piece", "failure", "alive", "gone"])


@given(MESSAGES)
def test_every_message_comes_as_it_was_sent(message: FlightMessage) -> None:
    assert decode(encode(message)) == message


@given(ADDRESSES)
def test_an_address_can_be_written_and_read(address: Address) -> None:
    assert parse_address(address.text.encode()) == address


@given(st.binary() | st.builds(lambda kind, rest: orjson.dumps([kind, *rest]), KINDS, st.lists(JSON, max_size=6)))
def test_whatever_is_published_is_a_message_or_none(published: bytes) -> None:
    message = decode(published)
    assert message is None or decode(encode(message)) == message


@pytest.mark.parametrize("headers", [["x"], [["x"]], [[1, 2]], [["x", "\u20ac"]], [None]])
def test_headers_that_are_none_make_no_message(headers: list[object]) -> None:
    assert decode(orjson.dumps(["piece", 1, 0, [200, headers], True])) is None
