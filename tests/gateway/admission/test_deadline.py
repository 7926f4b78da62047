"""The header `x-request-deadline-ms`."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moorage_serving.gateway.admission.deadline import deadline_seconds
from moorage_serving.gateway.config.serving import AdmissionConfig
from moorage_serving.gateway.errors import GatewayError

CONFIG = AdmissionConfig(deadline_seconds=20, max_deadline_seconds=600)


def seconds(value: bytes) -> float:
    return deadline_seconds([(b"host", b"gateway"), (b"x-request-deadline-ms", value)], CONFIG)


def test_without_the_header_the_configured_default_holds() -> None:
    assert deadline_seconds([(b"host", b"gateway")], CONFIG) == 20


@given(st.integers(1, 10**12))
def test_milliseconds_are_taken_up_to_the_configured_maximum(milliseconds: int) -> None:
    assert seconds(str(milliseconds).encode()) == min(milliseconds / 1000, 600)


@pytest.mark.parametrize("value", [b"", b"0", b"000", b"-1", b"+1", b"1.5", b"1e3", b"5s", b" 5", b"\xb2", b"9" * 5000])
def test_anything_but_a_whole_number_of_milliseconds_is_refused(value: bytes) -> None:
    with pytest.raises(GatewayError) as refused:
        seconds(value)
    assert (refused.value.status, refused.value.param) == (400, "x-request-deadline-ms")


@given(st.binary(max_size=20).filter(lambda value: not value.isdigit()))
def test_no_bytes_are_taken_for_a_number_that_are_none(value: bytes) -> None:
    with pytest.raises(GatewayError):
        seconds(value)
