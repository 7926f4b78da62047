"""The response cache, as a request meets it."""

from __future__ import annotations

import asyncio
import contextlib
import random
from enum import StrEnum
from typing import TYPE_CHECKING

from moorage_serving.gateway.cache import directives
from moorage_serving.gateway.cache.completeness import FinishedAnswer, NotStored
from moorage_serving.gateway.cache.eligibility import Bypass, expected_choices, judge
from moorage_serving.gateway.cache.flight import Flight, Flights
from moorage_serving.gateway.cache.flight_messages import Address
from moorage_serving.gateway.cache.followed_flight import FlightLostError
from moorage_serving.gateway.cache.key import AmbiguousBodyError, Scope, request_digest
from moorage_serving.gateway.cache.lease import Lease, NoLease
from moorage_serving.gateway.cache.plan import CachePlan
from moorage_serving.gateway.cache.shared_flights import SharedFlights
from moorage_serving.gateway.cache.store import LOOKUP_SECONDS, CacheStore, ItemKey
from moorage_serving.gateway.cache.stored_answers import Seen, StoredAnswers
from moorage_serving.gateway.responses import REVISION, header

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from starlette.types import Message, Send

    from moorage_serving.gateway.cache.directives import Directives
    from moorage_serving.gateway.cache.entry import Entry
    from moorage_serving.gateway.cache.flight import Fetch
    from moorage_serving.gateway.cache.metrics import CacheMetrics
    from moorage_serving.gateway.cache.semantic import SemanticIndex
    from moorage_serving.gateway.config.cache import CacheConfig
    from moorage_serving.gateway.config.tenants import TenantConfig
    from moorage_serving.gateway.redis_link import RedisLink
    from moorage_serving.gateway.request_body import InferenceRequest
    from moorage_serving.gateway.responses import HeaderList

# Processes that a request follows before it asks an engine for itself: each of them died or was lost.
MAX_LEADERS = 2


class CacheResult(StrEnum):
    """Where an answer came from."""

    HIT = "hit"
    COLLAPSED = "collapsed"
    MISS = "miss"
    BYPASS = "bypass"


class ResponseCache:
    """One for a configuration. `semantic` compares wordings, for tenants with `semantic_cache`.

    Created inside of the event loop, and closed there.
    """

    def __init__(
        self, config: CacheConfig, redis: RedisLink, metrics: CacheMetrics, semantic: SemanticIndex | None = None
    ) -> None:
        self._config = config
        self._metrics = metrics
        self._semantic = semantic
        store = CacheStore(redis, ttl_seconds=config.ttl_seconds, max_tenant_bytes=config.max_tenant_bytes)
        self._answers = StoredAnswers(store, metrics, semantic, ttl_seconds=config.ttl_seconds)
        self._flights = Flights(metrics)
        self._shared = SharedFlights(redis, metrics)

    def plan(
        self, *, tenant: TenantConfig, path: str, headers: HeaderList, request: InferenceRequest, revision: str
    ) -> CachePlan:
        """Decide, before the request's body is let go of."""
        asked = directives.read_directives(headers)
        bypass = judge(path, request.document, asked, nondeterministic=self._config.nondeterministic)
        if bypass is not None:
            return CachePlan(bypass)
        scope = Scope(tenant.id, revision)
        try:
            digest = request_digest(scope, path, request)
        except AmbiguousBodyError:
            return CachePlan(Bypass.AMBIGUOUS_BODY)
        forward = self._why_not_looked_up(asked)
        return CachePlan(
            bypass=None,
            forward=forward or directives.MISS,
            refreshes=forward is not None,
            digest=digest,
            key=ItemKey(scope, digest.hex()),
            max_age_seconds=asked.max_age_seconds,
            expected_choices=expected_choices(path, request.document),
            question=self._semantic.question(scope, path, request)
            if self._semantic is not None and tenant.semantic_cache
            else None,
        )

    async def answer(self, plan: CachePlan, fetch: Fetch, send: Send) -> CacheResult:
        """Answer out of Redis, out of another request's answer as it comes, or by `fetch`.

        `fetch` writes an engine's answer as ASGI messages. For a plan without `bypass` it runs in a task of its own,
        which ends early only when nobody reads it any more; what it raises is raised here, for every reader. `send`
        has to add the request's id: the one that `fetch` writes is not passed on.
        """
        if plan.bypass is not None:
            self._metrics.count_bypass(plan.bypass)
            await fetch(announcing(send, directives.bypass(plan.bypass)))
            return CacheResult.BYPASS
        if plan.refreshes:
            return await self._ask_engine(plan, plan.forward, fetch, send)
        lost: Address | None = None
        for _ in range(MAX_LEADERS):
            try:
                return await self._answer_with_others(plan, lost, fetch, send)
            except FlightLostError as error:
                lost = error.leader
                if lost is None:
                    break
        return await self._answer_in_process(plan, fetch, send)

    async def _answer_with_others(self, plan: CachePlan, lost: Address | None, fetch: Fetch, send: Send) -> CacheResult:
        """Raises FlightLostError when the process that asked the engine is lost before a byte came; `lost` was."""
        if (flight := self._flights.find(plan.digest)) is not None:
            return await self._follow(flight, send)
        until = asyncio.get_running_loop().time() + LOOKUP_SECONDS
        entry, status, seen = await self._answers.find(plan)
        if entry is not None:
            await replay(entry, plan.key.scope.revision, status, send)
            return CacheResult.HIT
        if (flight := self._flights.find(plan.digest)) is not None:  # begun while Redis was asked
            return await self._follow(flight, send)
        if seen is Seen.UNKNOWN:
            return await self._ask_engine(plan, status, fetch, send)
        claimed = await self._shared.claim(plan, lost, unless_stored=seen is Seen.NOTHING, until=until)
        if (flight := self._flights.find(plan.digest)) is not None:
            if isinstance(claimed, Lease):
                self._shared.release(claimed)
            return await self._follow(flight, send)
        match claimed:
            case Address():
                following = self._shared.following(claimed, plan.digest, until)
                flight = self._flights.start(plan.digest, following, None, max_bytes=self._config.max_entry_bytes)
                return await self._follow(flight, send)
            case NoLease.STORED:
                return await self._answer_with_others(plan, lost, fetch, send)
            case NoLease.UNAVAILABLE:
                return await self._ask_engine(plan, status, fetch, send)
            case lease:
                return await self._ask_engine(plan, status, fetch, send, lease)

    async def _answer_in_process(self, plan: CachePlan, fetch: Fetch, send: Send) -> CacheResult:
        while (flight := self._flights.find(plan.digest)) is not None:
            with contextlib.suppress(FlightLostError):
                return await self._follow(flight, send)
        return await self._ask_engine(plan, directives.MISS, fetch, send)

    async def end_answers(self) -> None:
        """End what is under way; what other processes alone read gets two seconds more."""
        await self._shared.farewell()
        await self._flights.close()

    async def close(self) -> None:
        """End what is under way, and be no part of the processes that share answers any more."""
        await self.end_answers()
        await self._shared.close()
        if self._semantic is not None:
            self._semantic.close()

    def _why_not_looked_up(self, asked: Directives) -> bytes | None:
        if asked.no_cache:
            return directives.REQUESTED
        ratio = self._config.bypass_ratio
        if ratio and random.random() < ratio:  # noqa: S311 - no secret depends on it
            return directives.bypass(Bypass.FRESHNESS)
        return None

    async def _follow(self, flight: Flight, send: Send) -> CacheResult:
        lost = False
        try:
            await flight.read(send, directives.COLLAPSED)
        except FlightLostError:
            lost = True  # counted for what it gets in the end
            raise
        finally:
            self._metrics.collapsed.inc(int(not lost))
        return CacheResult.COLLAPSED

    async def _ask_engine(
        self, plan: CachePlan, status: bytes, fetch: Fetch, send: Send, lease: Lease | None = None
    ) -> CacheResult:
        self._metrics.miss.inc()

        async def land(status: int, headers: HeaderList, body: bytes) -> None:
            served = header(headers, REVISION)
            if served is not None and served != plan.key.scope.revision.encode():
                self._metrics.count_answer(NotStored.OTHER_REVISION)
                return
            content_type = header(headers, b"content-type") or b""
            await self._answers.keep(plan, FinishedAnswer(status, content_type, body), lease)

        flight = self._flights.start(plan.digest, fetch, land, max_bytes=self._config.max_entry_bytes)
        if lease is not None:
            self._shared.lead(lease, plan.digest, flight)
        await flight.read(send, status)
        return CacheResult.MISS


async def replay(entry: Entry, revision: str, status: bytes, send: Send) -> None:
    """A stored answer: the engine's bytes, in one piece."""
    headers = [
        (b"content-type", entry.content_type),
        (b"content-length", b"%d" % len(entry.body)),
        (b"age", b"%d" % entry.age_seconds),
        (REVISION, revision.encode()),
        (b"cache-status", status),
    ]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": entry.body, "more_body": False})


def announcing(send: Send, status: bytes) -> Send:
    """A `send` that adds the Cache-Status. No coroutine of its own: pieces of the body pass through it too."""

    def send_announced(message: Message) -> Awaitable[None]:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message["headers"], (b"cache-status", status)]}
        return send(message)

    return send_announced
