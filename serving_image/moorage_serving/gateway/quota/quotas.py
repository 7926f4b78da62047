"""Holds every request to its tenant's limits."""

from __future__ import annotations

import time
from itertools import count
from typing import TYPE_CHECKING

from moorage_serving.gateway.errors import GatewayError
from moorage_serving.gateway.quota.answers import rate_limit_headers, refused, utc
from moorage_serving.gateway.quota.limits import Limits, Refusal, Verdict, limits_of
from moorage_serving.gateway.quota.local import Carried, LocalReservation, LocalTenant, carried_from
from moorage_serving.gateway.quota.reservation import Reservation
from moorage_serving.gateway.quota.shared import SharedCounter
from moorage_serving.gateway.redis_calls import RedisUnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable

    from moorage_serving.gateway.config.tenants import TenantConfig
    from moorage_serving.gateway.quota.metrics import QuotaMetrics
    from moorage_serving.gateway.quota.shared import SharedTenant
    from moorage_serving.gateway.redis_link import RedisLink

NO_LIMITS = Limits(None, None, None, None)
NOTHING_HELD = Reservation()


class Quotas:
    """Created inside of the event loop.

    Redis counts for all gateways. While it does not answer (50 ms, then at once), each process counts alone, with the
    limits divided by the number of processes.
    """

    def __init__(self, redis: RedisLink | None, metrics: QuotaMetrics, clock: Callable[[], float] = time.time) -> None:
        self._shared = None if redis is None else SharedCounter(redis)
        self._local: dict[str, LocalTenant] = {}
        self._local_slots = count()
        self._metrics = metrics
        self._clock = clock
        self._processes = 1
        self._counts_locally = redis is None
        metrics.local.set(int(self._counts_locally))

    def configure(self, *, gateway_replicas: int, workers: int) -> None:
        """How many processes share the limits."""
        self._processes = gateway_replicas * workers

    async def reserve(self, tenant: TenantConfig, tokens: int) -> Reservation:
        """Reserve one request and so many tokens; settle it when the request is over. Raises GatewayError (429)."""
        limits = limits_of(tenant)
        if limits == NO_LIMITS:
            return NOTHING_HELD
        if self._shared is None:
            return self._reserve_locally(tenant.id, limits, tokens)
        shared, id_ = self._shared.tenant(tenant.id), self._shared.new_id()
        try:
            verdict, reservation = await self._shared.reserve(shared, id_, limits, tokens, self._clock())
        except RedisUnavailableError as error:
            self._say(counts_locally=True)
            return self._reserve_in_place_of(self._shared, shared, tenant.id, id_, limits, tokens, error)
        self._say(counts_locally=False)
        if reservation is None:
            raise self._refused(tenant.id, limits, verdict, tokens)
        return reservation

    async def close(self) -> None:
        """Stop renewing leases. The link to Redis is its owner's to close."""
        if self._shared is not None:
            await self._shared.close()

    def _reserve_locally(self, tenant_id: str, limits: Limits, tokens: int) -> Reservation:
        """Without a Redis that could ever be asked."""
        slot = str(next(self._local_slots))
        return self._reserve_slot(tenant_id, limits, tokens, Carried(), slot, lambda _used: None)

    def _reserve_in_place_of(
        self,
        counter: SharedCounter,
        shared: SharedTenant,
        tenant_id: str,
        id_: str,
        limits: Limits,
        tokens: int,
        error: RedisUnavailableError,
    ) -> Reservation:
        """Beside what Redis counted so far, and so that it learns of it."""
        now = self._clock()
        carried = carried_from(shared, self._local_tenant(tenant_id), now, self._processes)
        try:
            reservation = self._reserve_slot(
                tenant_id, limits, tokens, carried, id_, lambda used: counter.settle(shared, id_, used)
            )
        except GatewayError:
            if error.may_have_run:
                counter.cancel(shared, id_)
            raise
        # Without an id among the reservations, Redis could not tell that it has counted the request already.
        if limits.need_settling or not error.may_have_run:
            counter.tell(shared, id_, limits, tokens, now)
        return reservation

    def _reserve_slot(
        self, tenant_id: str, limits: Limits, tokens: int, carried: Carried, slot: str, tell: Callable[[int], None]
    ) -> Reservation:
        local, share = self._local_tenant(tenant_id), limits.divided(self._processes)
        verdict, bucket = local.reserve(self._clock(), share, carried, tokens, slot)
        if verdict.refusal is not None:
            raise self._refused(tenant_id, share, verdict, tokens)
        return LocalReservation(rate_limit_headers(share, verdict), tokens, local, bucket, slot, self._clock, tell)

    def _local_tenant(self, tenant_id: str) -> LocalTenant:
        return self._local.setdefault(tenant_id, LocalTenant())

    def _refused(self, tenant_id: str, limits: Limits, verdict: Verdict, tokens: int) -> GatewayError:
        self._metrics.rejected.labels(tenant_id, Refusal(verdict.refusal).name.lower()).inc()
        return refused(limits, verdict, tokens, utc(self._clock()))

    def _say(self, *, counts_locally: bool) -> None:
        if counts_locally != self._counts_locally:
            self._counts_locally = counts_locally
            self._metrics.local.set(int(counts_locally))
