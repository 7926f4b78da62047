"""Limits are told as OpenAI tells them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moorage_serving.gateway.quota.answers import (
    go_duration,
    rate_limit_headers,
    refused,
    seconds_to_next_month,
)
from moorage_serving.gateway.quota.limits import Limits, Refusal, Verdict

LIMITS = Limits(requests=60, tokens=150_000, concurrent=4, month_tokens=1_000_000)
NOW = datetime(2026, 12, 31, 23, 59, 30, tzinfo=UTC)


def verdict(refusal: Refusal | None = None, wait_seconds: float = 0.0) -> Verdict:
    return Verdict(refusal, wait_seconds, 60, 149_000, 59.5, 999_999)


# https://developers.openai.com/api/docs/guides/rate-limits#rate-limits-in-headers: 1s, 6m0s. Seen in answers: 20ms,
# 8.64s, 1m30.951s, 2m59.56s.
@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0s"),
        (0.02, "20ms"),
        (1, "1s"),
        (8.64, "8.64s"),
        (59.9996, "1m0s"),
        (90.951, "1m30.951s"),
        (179.56, "2m59.56s"),
        (360, "6m0s"),
        (3600, "1h0m0s"),
    ],
)
def test_durations_are_written_as_go_writes_them(seconds: float, text: str) -> None:
    assert go_duration(seconds) == text


def test_headers_tell_limit_remainder_and_reset_of_both_limits_per_minute() -> None:
    assert dict(rate_limit_headers(LIMITS, verdict())) == {
        b"x-ratelimit-limit-requests": b"60",
        b"x-ratelimit-remaining-requests": b"0",
        b"x-ratelimit-reset-requests": b"59.5s",
        b"x-ratelimit-limit-tokens": b"150000",
        b"x-ratelimit-remaining-tokens": b"1000",
        b"x-ratelimit-reset-tokens": b"59.5s",
    }


def test_a_limit_that_is_not_there_has_no_headers() -> None:
    assert rate_limit_headers(Limits(None, None, 4, 1000), verdict()) == ()


@pytest.mark.parametrize(
    ("refusal", "wait_seconds", "type_", "code", "retry_after"),
    [
        (Refusal.REQUESTS, 12.3, "requests", "rate_limit_exceeded", b"13"),
        (Refusal.TOKENS, 60.9, "tokens", "rate_limit_exceeded", b"60"),
        (Refusal.CONCURRENCY, 0.2, "requests", "rate_limit_exceeded", b"1"),
        (Refusal.MONTH, 0.0, "insufficient_quota", "insufficient_quota", b"30"),
    ],
)
def test_429_says_which_limit_and_when_to_come_again(
    refusal: Refusal, wait_seconds: float, type_: str, code: str, retry_after: bytes
) -> None:
    error = refused(LIMITS, verdict(refusal, wait_seconds), 2000, NOW)
    assert (error.status, error.type, error.code) == (429, type_, code)
    headers = dict(error.headers)
    assert headers[b"retry-after"] == retry_after
    assert headers[b"x-ratelimit-remaining-tokens"] == b"1000"


def test_a_request_that_can_never_pass_is_told_to_become_smaller() -> None:
    error = refused(LIMITS, verdict(Refusal.TOKENS, 60), 150_001, NOW)
    assert error.message.startswith("Request too large on tokens per min (TPM): Limit 150000, Requested 150001.")


@given(st.datetimes(min_value=datetime(2020, 1, 1), max_value=datetime(2100, 1, 1)))  # noqa: DTZ001 - hypothesis asks for it
def test_the_next_month_begins_within_31_days(moment: datetime) -> None:
    assert 0 < seconds_to_next_month(moment.replace(tzinfo=UTC)) <= 31 * 86_400
