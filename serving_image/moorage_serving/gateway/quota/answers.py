"""Limits as OpenAI tells them: headers on every answer, and 429.

Names and formats: https://developers.openai.com/api/docs/guides/rate-limits#rate-limits-in-headers (2026-06), where
`x-ratelimit-reset-*` is written as Go writes durations (`1s`, `6m0s`, `20ms`).
"""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

from moorage_serving.gateway.errors import GatewayError
from moorage_serving.gateway.quota.limits import WINDOW_SECONDS, Limits, Refusal, Verdict

TOO_MANY_REQUESTS = 429
# A slot is freed whenever a request ends, so that there is no better guess.
CONCURRENCY_RETRY_SECONDS = 1.0
Headers = tuple[tuple[bytes, bytes], ...]


def go_duration(seconds: float) -> str:
    """Like Go's Duration.String, to the millisecond."""
    milliseconds = round(seconds * 1000)
    if milliseconds < 1000:
        return f"{milliseconds}ms" if milliseconds else "0s"
    minutes, rest = divmod(milliseconds, 60_000)
    rest_seconds = f"{rest / 1000:.3f}".rstrip("0").rstrip(".")
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours}h{minutes}m{rest_seconds}s"
    return f"{minutes}m{rest_seconds}s" if minutes else f"{rest_seconds}s"


def rate_limit_headers(limits: Limits, verdict: Verdict) -> Headers:
    """For the limits per minute that there are."""
    reset = go_duration(verdict.reset_seconds).encode()
    headers: Headers = ()
    if limits.requests is not None:
        headers = _headers(b"requests", limits.requests, verdict.requests_used, reset)
    if limits.tokens is not None:
        headers += _headers(b"tokens", limits.tokens, verdict.tokens_used, reset)
    return headers


def _headers(what: bytes, limit: int, used: int, reset: bytes) -> Headers:
    return (
        (b"x-ratelimit-limit-" + what, b"%d" % limit),
        (b"x-ratelimit-remaining-" + what, b"%d" % max(0, limit - used)),
        (b"x-ratelimit-reset-" + what, reset if used else b"0s"),
    )


def refused(limits: Limits, verdict: Verdict, tokens: int, now: datetime) -> GatewayError:
    """429. `tokens` is what the request asked for."""
    type_, code = "requests", "rate_limit_exceeded"
    wait_seconds = verdict.retry_after_seconds
    again = f"Please try again in {go_duration(wait_seconds)}."
    match verdict.refusal:
        case Refusal.TOKENS if limits.tokens is not None and tokens > limits.tokens:
            type_ = "tokens"
            message = (
                f"Request too large on tokens per min (TPM): Limit {limits.tokens}, Requested {tokens}. "
                "The input or output tokens must be reduced in order to run successfully."
            )
        case Refusal.TOKENS:
            type_ = "tokens"
            message = (
                f"Rate limit reached on tokens per min (TPM): Limit {limits.tokens}, Used {verdict.tokens_used}, "
                f"Requested {tokens}. {again}"
            )
        case Refusal.MONTH:
            type_ = code = "insufficient_quota"
            wait_seconds = seconds_to_next_month(now)
            message = (
                f"You exceeded your current quota: Limit {limits.month_tokens} tokens per month (UTC), "
                f"Used {verdict.month_tokens_used}, Requested {tokens}."
            )
        case Refusal.CONCURRENCY:
            message = f"Rate limit reached on concurrent requests: Limit {limits.concurrent}. {again}"
        case _:
            message = (
                f"Rate limit reached on requests per min (RPM): Limit {limits.requests}, "
                f"Used {verdict.requests_used}, Requested 1. {again}"
            )
    headers = (*rate_limit_headers(limits, verdict), (b"retry-after", b"%d" % retry_after(wait_seconds, verdict)))
    return GatewayError(TOO_MANY_REQUESTS, code, message, type=type_, headers=headers)


def retry_after(wait_seconds: float, verdict: Verdict) -> int:
    """Whole seconds. OpenAI's clients do not obey more than 60, and try again after 0.5 s instead."""
    seconds = max(1, math.ceil(wait_seconds))
    return seconds if verdict.refusal is Refusal.MONTH else min(seconds, WINDOW_SECONDS)


def month_number(now: datetime) -> int:
    """202601 for January 2026, as in the scripts."""
    return now.year * 100 + now.month


def seconds_to_next_month(now: datetime) -> float:
    first_of_next = (now.replace(day=1) + timedelta(days=32)).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return (first_of_next - now).total_seconds()


def utc(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
