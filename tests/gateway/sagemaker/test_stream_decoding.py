"""Events become the bytes that the engine wrote, however they are cut; a damaged one becomes nothing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moorage_serving.gateway.upstream.connections import BrokenError
from moorage_serving.gateway.upstream.sagemaker_stream import PayloadDecoder

from . import event_stream

PAYLOADS = st.lists(st.binary(max_size=200), min_size=1, max_size=10)


def decode(wire: bytes, cuts: list[int]) -> bytes:
    """What has come out by the end; raises BrokenError like a reader would meet it."""
    decoder = PayloadDecoder()
    decoded, start = b"", 0
    for end in [*sorted(min(cut, len(wire)) for cut in cuts), len(wire)]:
        decoder.check()
        decoded += decoder.feed(wire[start:end])
        start = end
    decoder.finish()
    return decoded


@given(PAYLOADS, st.lists(st.integers(0, 3000), max_size=30))
def test_the_payload_does_not_depend_on_how_the_wire_was_cut(payloads: list[bytes], cuts: list[int]) -> None:
    wire = b"".join(event_stream.payload_part(payload) for payload in payloads)
    assert decode(wire, cuts) == b"".join(payloads)


@given(PAYLOADS, st.data())
def test_no_damaged_byte_gets_through(payloads: list[bytes], data: st.DataObject) -> None:
    wire = bytearray(b"".join(event_stream.payload_part(payload) for payload in payloads))
    position = data.draw(st.integers(0, len(wire) - 1))
    wire[position] ^= data.draw(st.integers(1, 255))
    decoder = PayloadDecoder()
    decoded = decoder.feed(bytes(wire))
    with pytest.raises(BrokenError):
        decoder.finish()
    assert b"".join(payloads).startswith(decoded)


@given(PAYLOADS, st.data())
def test_a_stream_that_ends_within_an_event_is_broken(payloads: list[bytes], data: st.DataObject) -> None:
    parts = [event_stream.payload_part(payload) for payload in payloads]
    wire = b"".join(parts)
    kept = data.draw(st.integers(len(wire) - len(parts[-1]) + 1, len(wire) - 1))
    with pytest.raises(BrokenError, match="within an event"):
        decode(wire[:kept], [])


@pytest.mark.parametrize(
    ("failure", "named"),
    [
        (event_stream.exception("ModelStreamError", Message="secret", ErrorCode="StreamBroken"), "ModelStreamError"),
        (event_stream.exception("InternalStreamFailure", Message="secret"), "InternalStreamFailure"),
        (event_stream.error("ThrottlingException", "secret"), "ThrottlingException"),
    ],
)
def test_an_error_comes_after_what_came_before_it_and_only_by_name(failure: bytes, named: str) -> None:
    decoder = PayloadDecoder()
    wire = event_stream.payload_part(b"before") + failure + event_stream.payload_part(b"after")
    assert decoder.feed(wire) == b"before"
    with pytest.raises(BrokenError, match=f"^{named}$"):
        decoder.check()


def test_events_that_a_later_version_may_add_are_passed_over() -> None:
    other = event_stream.message({":message-type": "event", ":event-type": "initial-response"}, b"{}")
    assert decode(other + event_stream.payload_part(b"text"), []) == b"text"
