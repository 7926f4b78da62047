"""Counts in Redis, for all gateways together. Each tenant's keys share a hash tag, and so a node of a cluster."""

from __future__ import annotations

import asyncio
import secrets
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, cast

from moorage_serving.gateway.quota.answers import rate_limit_headers
from moorage_serving.gateway.quota.limits import Limits, Refusal, Verdict
from moorage_serving.gateway.quota.reservation import Reservation
from moorage_serving.gateway.redis_calls import RedisUnavailableError, Reply
from moorage_serving.gateway.redis_scripts import pages, read_script

if TYPE_CHECKING:
    from moorage_serving.gateway.quota.answers import Headers
    from moorage_serving.gateway.redis_link import RedisLink

TIMEOUT_SECONDS = 0.05
# A gateway that dies keeps its slots for so long; one that lives renews them in time.
LEASE_SECONDS = 30.0
RENEWAL_SECONDS = LEASE_SECONDS / 3


SCRIPTS = Path(__file__).parent / "scripts"
RESERVE, SETTLE, RENEW = (read_script(SCRIPTS, "window", name) for name in ("reserve", "settle", "renew"))


class SharedTenant:
    """What this process knows of a tenant: its keys, the ids of what it holds, what Redis last said, and when."""

    __slots__ = ("held", "keys", "last", "last_at", "leases", "reservations")

    def __init__(self, tenant_id: str) -> None:
        prefix = f"moorage:quota:{{{tenant_id}}}"
        self.leases, self.reservations = f"{prefix}:leases", f"{prefix}:reservations"
        self.keys = (f"{prefix}:window", f"{prefix}:month", self.leases, self.reservations)
        self.held: set[str] = set()
        self.last: Verdict | None = None
        self.last_at = 0.0


class SharedReservation(Reservation):
    """Counted in Redis."""

    __slots__ = ("_counter", "_id", "_tenant")

    def __init__(self, headers: Headers, tokens: int, counter: SharedCounter, tenant: SharedTenant, id_: str) -> None:
        super().__init__(headers, tokens)
        self._counter = counter
        self._tenant = tenant
        self._id = id_

    def settle(self, tokens: int) -> None:
        self._counter.settle(self._tenant, self._id, tokens)


class SharedCounter:
    """Created inside of the event loop."""

    def __init__(self, redis: RedisLink) -> None:
        self._redis = redis
        self._tenants: dict[str, SharedTenant] = {}
        self._process = secrets.token_hex(6)
        self._numbers = count()
        self._renewing = asyncio.get_running_loop().create_task(self._renew_leases())

    def tenant(self, tenant_id: str) -> SharedTenant:
        tenant = self._tenants.get(tenant_id)
        if tenant is None:
            tenant = self._tenants[tenant_id] = SharedTenant(tenant_id)
        return tenant

    async def reserve(
        self, tenant: SharedTenant, id_: str, limits: Limits, tokens: int, now: float
    ) -> tuple[Verdict, Reservation | None]:
        """Reserve, unless a limit is in the way. Raises RedisUnavailableError: `tell` or `cancel` it then."""
        try:
            reply = await self._redis.run_script(
                RESERVE, tenant.keys, reserve_arguments(id_, limits, tokens, let_in_ms=-1), TIMEOUT_SECONDS
            )
        except asyncio.CancelledError:
            self.cancel(tenant, id_)
            raise
        verdict = verdict_of(reply)
        tenant.last, tenant.last_at = verdict, now
        if verdict.refusal is not None:
            return verdict, None
        headers = rate_limit_headers(limits, verdict)
        if not limits.need_settling:
            return verdict, Reservation(headers, tokens)
        tenant.held.add(id_)
        return verdict, SharedReservation(headers, tokens, self, tenant, id_)

    def settle(self, tenant: SharedTenant, id_: str, tokens: int) -> None:
        """Once; what is not held any more changes nothing."""
        if id_ in tenant.held:
            tenant.held.remove(id_)
            self._redis.post_script(SETTLE, tenant.keys, (id_, tokens))

    def cancel(self, tenant: SharedTenant, id_: str) -> None:
        """Give back what Redis may have reserved without saying so."""
        self._redis.post_script(SETTLE, tenant.keys, (id_, 0))

    def tell(self, tenant: SharedTenant, id_: str, limits: Limits, tokens: int, now: float) -> None:
        """Have Redis count a request that was let in without it, now or when it is back."""
        arguments = reserve_arguments(id_, limits, tokens, let_in_ms=round(now * 1000))
        self._redis.post_script(RESERVE, tenant.keys, arguments)
        if limits.need_settling:
            tenant.held.add(id_)

    def new_id(self) -> str:
        return f"{self._process}{next(self._numbers):x}"

    async def close(self) -> None:
        self._renewing.cancel()
        await asyncio.wait([self._renewing])

    async def _renew_leases(self) -> None:
        while True:
            await asyncio.sleep(RENEWAL_SECONDS)
            if not self._redis.available:
                continue
            for tenant in self._tenants.values():
                for held in pages(tenant.held):
                    arguments = (round(LEASE_SECONDS * 1000), *held)
                    self._redis.post_script(RENEW, (tenant.leases, tenant.reservations), arguments)


def reserve_arguments(id_: str, limits: Limits, tokens: int, *, let_in_ms: int) -> tuple[str | int, ...]:
    """What reserve.lua takes."""
    asked = [-1 if limit is None else limit for limit in limits]
    return (id_, tokens, *asked, round(LEASE_SECONDS * 1000), let_in_ms)


def verdict_of(reply: Reply) -> Verdict:
    """A reply of reserve.lua. Raises RedisUnavailableError when it makes no sense."""
    if not isinstance(reply, list) or len(reply) != 6 or set(map(type, reply)) != {int}:
        raise RedisUnavailableError("a reply that makes no sense", may_have_run=True)
    refusal, retry_ms, requests, tokens, reset_ms, month_tokens = cast("list[int]", reply)
    return Verdict(
        Refusal(refusal) if refusal else None, retry_ms / 1000, requests, tokens, reset_ms / 1000, month_tokens
    )
