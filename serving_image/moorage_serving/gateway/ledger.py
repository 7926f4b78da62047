"""Adds up token usage per key and UTC day in Redis, beside the requests and never in their way."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter as Counts
from collections import defaultdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import structlog
from prometheus_client import Counter

from moorage_serving.gateway.redis_calls import RedisUnavailableError, Script

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

    from moorage_serving.gateway.redis_link import RedisLink
    from moorage_serving.gateway.usage import Usage

log = structlog.get_logger("ledger")
PREFIX = "moorage_gateway_usage_ledger"
FLUSH_INTERVAL_SECONDS = 1.0
REDIS_TIMEOUT_SECONDS = 2.0
MAX_PENDING_HASHES = 10_000
DAY_SECONDS = 86_400
RETENTION_SECONDS = 400 * DAY_SECONDS
KEY = "moorage:usage:{day}:{key_id}"
FIELDS = ("requests", "prompt_tokens", "completion_tokens")
# KEYS: the hash. ARGV: how long it is kept, then the amounts of FIELDS.
ADD = Script(
    "".join(f"redis.call('HINCRBY', KEYS[1], '{field}', ARGV[{n}])\n" for n, field in enumerate(FIELDS, 2))
    + "redis.call('EXPIRE', KEYS[1], ARGV[1])"
)


class LedgerMetrics:
    """What the ledger tells Prometheus."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.dropped_tokens = Counter(
            f"{PREFIX}_dropped_tokens", "Tokens that were not added to Redis, and will not be.", registry=registry
        )
        self.failed_flushes = Counter(
            f"{PREFIX}_flush_failures", "Attempts to write usage to Redis that failed.", registry=registry
        )


class Ledger:
    """Pending counts, written once a second. Created inside of the event loop.

    Each key id and UTC day is a Redis hash `moorage:usage:2026-01-31:KEY_ID` with the fields `requests`,
    `prompt_tokens` and `completion_tokens`, kept for 400 days. While Redis cannot be reached, counts add up in memory,
    for at most 10,000 hashes. Nothing is counted twice: when a write may or may not have taken effect, it is dropped
    and `usage_ledger_dropped_tokens` says so.
    """

    def __init__(self, redis: RedisLink, metrics: LedgerMetrics) -> None:
        self._redis = redis
        self._metrics = metrics
        self._pending: defaultdict[tuple[int, str], Counts[str]] = defaultdict(Counts)  # by UTC day since 1970 and key
        self._closing = asyncio.Event()
        self._task = asyncio.get_running_loop().create_task(self._run())

    def add(self, key_id: str, usage: Usage) -> None:
        """Count one request's tokens for today. Never waits, never fails."""
        of = int(time.time()) // DAY_SECONDS, key_id
        if len(self._pending) >= MAX_PENDING_HASHES and of not in self._pending:
            self._metrics.dropped_tokens.inc(sum(usage))
            return
        counts = self._pending[of]
        counts["requests"] += 1
        counts["prompt_tokens"] += usage.prompt_tokens
        counts["completion_tokens"] += usage.completion_tokens

    async def close(self) -> None:
        """Write what is pending, or drop it when Redis cannot be reached. The link is its owner's to close."""
        self._closing.set()
        await self._task
        for counts in self._pending.values():
            self._drop(counts)
        self._pending.clear()

    async def _run(self) -> None:
        while not self._closing.is_set():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(FLUSH_INTERVAL_SECONDS):
                    await self._closing.wait()
            await self._flush()

    async def _flush(self) -> None:
        """One hash after the other, so that no request's own command waits behind many of these."""
        for of in list(self._pending):
            counts = self._pending.pop(of)
            try:
                await self._write(*of, counts)
            except RedisUnavailableError as error:
                self._metrics.failed_flushes.inc()
                log.warning("usage_flush_failed", error=str(error))
                if not error.may_have_run:
                    self._pending[of].update(counts)
                    return
                self._drop(counts)

    async def _write(self, day: int, key_id: str, counts: Counts[str]) -> None:
        name = KEY.format(day=datetime.fromtimestamp(day * DAY_SECONDS, UTC).date().isoformat(), key_id=key_id)
        amounts = [counts[field] for field in FIELDS]
        await self._redis.run_script(ADD, [name], [RETENTION_SECONDS, *amounts], REDIS_TIMEOUT_SECONDS)

    def _drop(self, counts: Counts[str]) -> None:
        if tokens := counts["prompt_tokens"] + counts["completion_tokens"]:
            self._metrics.dropped_tokens.inc(tokens)
            log.error("usage_dropped", tokens=tokens)
