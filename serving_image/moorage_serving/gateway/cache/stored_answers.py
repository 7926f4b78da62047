"""Finds answers in Redis and puts them there. Redis never makes a request fail or wait."""

from __future__ import annotations

import asyncio
import time
from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

from moorage_serving.gateway.cache import directives
from moorage_serving.gateway.cache.completeness import FinishedAnswer, NotStored, judge_answer
from moorage_serving.gateway.cache.entry import CorruptEntryError, Entry, decode, encode
from moorage_serving.gateway.cache.store import LOOKUP_SECONDS, CacheStore, ItemKey
from moorage_serving.gateway.redis_calls import RedisUnavailableError

if TYPE_CHECKING:
    from moorage_serving.gateway.cache.lease import Lease
    from moorage_serving.gateway.cache.metrics import CacheMetrics
    from moorage_serving.gateway.cache.plan import CachePlan
    from moorage_serving.gateway.cache.semantic import Question, SemanticIndex

STORED = "stored"


class Seen(Enum):
    """What lay at the request's own place."""

    NOTHING = "nothing"
    SOMETHING = "something"
    UNKNOWN = "Redis did not say"


class Found(NamedTuple):
    """`entry` is None when an engine has to be asked; `status` is the Cache-Status."""

    entry: Entry | None
    status: bytes
    seen: Seen = Seen.SOMETHING


class StoredAnswers:
    """`semantic` is None where wordings are not compared."""

    def __init__(
        self, store: CacheStore, metrics: CacheMetrics, semantic: SemanticIndex | None, *, ttl_seconds: int
    ) -> None:
        self._store = store
        self._metrics = metrics
        self._semantic = semantic
        self._ttl_seconds = ttl_seconds

    async def find(self, plan: CachePlan) -> Found:
        """The answer to this request, or to another wording of its question. Takes 5 ms at most for Redis."""
        try:
            if self._semantic is not None and plan.question is not None:
                return await self._find_similar(plan, self._semantic, plan.question)
            return self._judge(plan, await self._store.read(plan.key))
        except RedisUnavailableError:
            self._metrics.count_error("lookup")
            return Found(None, directives.MISS, Seen.UNKNOWN)

    async def keep(self, plan: CachePlan, answer: FinishedAnswer, lease: Lease | None) -> None:
        """Store a complete answer, and release the lease with it. Never raises."""
        reason = judge_answer(answer, plan.expected_choices)
        if reason is not None:
            self._metrics.count_answer(reason)
            return
        created_at = int(time.time() * 1000)
        value = encode(plan.digest, Entry(created_at, self._ttl_seconds, answer.content_type, answer.body))
        try:
            evicted = await self._store.write(plan.key, value, lease)
            if evicted >= 0 and self._semantic is not None and plan.question is not None:
                await self._remember(plan, self._semantic, plan.question)
        except RedisUnavailableError:
            self._metrics.count_error("store")
            self._metrics.count_answer(NotStored.REDIS)
            return
        self._metrics.count_answer(STORED if evicted >= 0 else NotStored.TOO_LARGE)
        self._metrics.evicted.inc(max(0, evicted))

    def _judge(self, plan: CachePlan, stored: bytes | None) -> Found:
        if stored is None:
            return Found(None, directives.MISS, Seen.NOTHING)
        entry = self._decode(plan.key, plan.digest, stored)
        if entry is None:
            return Found(None, directives.MISS)
        if not is_fresh(entry, plan):
            return Found(None, directives.STALE)
        self._metrics.hit.inc()
        return Found(entry, directives.hit(entry.lifetime_seconds - entry.age_seconds))

    def _decode(self, key: ItemKey, digest: bytes, stored: bytes) -> Entry | None:
        try:
            return decode(digest, stored)
        except CorruptEntryError:
            self._metrics.count_error("corrupt")
            self._store.forget(key)
            return None

    async def _find_similar(self, plan: CachePlan, semantic: SemanticIndex, question: Question) -> Found:
        """One limit for all steps: reading, embedding, reading the other request's answer."""
        try:
            async with asyncio.timeout(LOOKUP_SECONDS):
                stored, group = await self._store.read_all([plan.key, plan.key.beside(question.group)])
                found = self._judge(plan, stored)
                if found.entry is not None or group is None:
                    return found
                digest = await semantic.most_similar(group, question)
                return found if digest is None else await self._read_other(plan, digest, found)
        except TimeoutError:
            self._metrics.count_error("similar")
            return Found(None, directives.MISS, Seen.UNKNOWN)

    async def _read_other(self, plan: CachePlan, digest: bytes, otherwise: Found) -> Found:
        key = plan.key.beside(digest.hex())
        stored = await self._store.read(key)
        entry = self._decode(key, digest, stored) if stored is not None else None
        if entry is None or not is_fresh(entry, plan):
            return otherwise
        self._metrics.similar_hit.inc()
        return Found(entry, directives.similar_hit(entry.lifetime_seconds - entry.age_seconds))

    async def _remember(self, plan: CachePlan, semantic: SemanticIndex, question: Question) -> None:
        """Two that do this at once for one group may lose one question: it is then asked anew, no more."""
        key = plan.key.beside(question.group)
        group = await semantic.with_question(await self._store.read(key), question, plan.digest)
        await self._store.write(key, group)


def is_fresh(entry: Entry, plan: CachePlan) -> bool:
    """Redis ends an entry's life too, by its own clock."""
    age_seconds = entry.age_seconds
    return age_seconds < entry.lifetime_seconds and (
        plan.max_age_seconds is None or age_seconds <= plan.max_age_seconds
    )
