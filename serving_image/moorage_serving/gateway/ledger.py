"""Adds up token usage per key and UTC day in Redis, beside the requests and never in their way."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import redis.asyncio
import structlog
from redis.exceptions import RedisError

if TYPE_CHECKING:
    from moorage_serving.gateway.metrics import GatewayMetrics
    from moorage_serving.gateway.usage import Usage

log = structlog.get_logger("ledger")
FLUSH_INTERVAL_SECONDS = 1.0
REDIS_TIMEOUT_SECONDS = 2.0
MAX_PENDING_COUNTS = 30_000
RETENTION_SECONDS = 400 * 86_400
KEY = "moorage:usage:{day}:{key_id}"


class Ledger:
    """Pending counts, written once a second in one transaction.

    Each key id and UTC day is a Redis hash `moorage:usage:2026-01-31:KEY_ID` with the fields `requests`,
    `prompt_tokens` and `completion_tokens`, kept for 400 days. While Redis cannot be reached, counts add up in memory:
    one number per key, day and field, at most 30,000 of them. Nothing is counted twice: when a write may or may not
    have taken effect, it is dropped and `usage_ledger_dropped_tokens` says so.
    """

    def __init__(self, url: str, metrics: GatewayMetrics) -> None:
        self._redis = redis.asyncio.Redis.from_url(
            url, socket_timeout=REDIS_TIMEOUT_SECONDS, socket_connect_timeout=REDIS_TIMEOUT_SECONDS
        )
        self._metrics = metrics
        self._pending: Counter[tuple[str, str]] = Counter()
        self._task = asyncio.get_running_loop().create_task(self._run())

    def add(self, key_id: str, usage: Usage) -> None:
        """Count one request's tokens for today. Never waits, never fails."""
        if len(self._pending) >= MAX_PENDING_COUNTS:
            self._metrics.usage_dropped_tokens.inc(sum(usage))
            return
        name = KEY.format(day=datetime.now(UTC).date().isoformat(), key_id=key_id)
        self._pending[name, "requests"] += 1
        self._pending[name, "prompt_tokens"] += usage.prompt_tokens
        self._pending[name, "completion_tokens"] += usage.completion_tokens

    async def close(self) -> None:
        """Write what is pending, or drop it when Redis cannot be reached."""
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task
        await self._flush()
        self._drop(self._pending)
        with contextlib.suppress(RedisError, OSError):
            await self._redis.aclose()

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(FLUSH_INTERVAL_SECONDS)
            await self._flush()

    async def _flush(self) -> None:
        if not self._pending:
            return
        try:
            await self._redis.ping()
        except (RedisError, OSError) as error:
            self._failed(error)
            return
        counts, self._pending = self._pending, Counter()
        try:
            await self._write(counts)
        except (RedisError, OSError) as error:
            self._failed(error)
            self._drop(counts)
        except asyncio.CancelledError:
            self._drop(counts)
            raise

    async def _write(self, counts: Counter[tuple[str, str]]) -> None:
        async with self._redis.pipeline(transaction=True) as pipeline:
            for (name, count), amount in counts.items():
                pipeline.hincrby(name, count, amount)
            for name in {name for name, _ in counts}:
                pipeline.expire(name, RETENTION_SECONDS)
            await pipeline.execute()

    def _failed(self, error: Exception) -> None:
        self._metrics.usage_flushes_failed.inc()
        log.warning("usage_flush_failed", error=type(error).__name__)

    def _drop(self, counts: Counter[tuple[str, str]]) -> None:
        tokens = sum(amount for (_, count), amount in counts.items() if count != "requests")
        counts.clear()
        if tokens:
            self._metrics.usage_dropped_tokens.inc(tokens)
            log.error("usage_dropped", tokens=tokens)
