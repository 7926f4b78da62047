"""The queue in front of the engines of one model."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from moorage_serving.gateway.admission import rejections
from moorage_serving.gateway.admission.priority_order import PriorityOrder
from moorage_serving.gateway.admission.rejections import Reason
from moorage_serving.gateway.admission.service_time import ServiceTime, predicted_wait_seconds
from moorage_serving.gateway.admission.statistics import QueueStatistics
from moorage_serving.gateway.admission.waiter import Verdict, Waiter

if TYPE_CHECKING:
    from collections.abc import Callable

    from moorage_serving.gateway.config.tenants import TenantConfig
    from moorage_serving.gateway.errors import GatewayError


class AdmissionQueue:
    """Lets as many requests through as the engines take, and keeps the others in order.

    `limit` says how many may be in service now: None for any number, 0 while no engine is up (then requests wait until
    one is, or until their deadline). Whoever changes what it says calls `limit_changed`. A request counts from the
    moment in which it gets its place, long before an engine reports it, so a burst cannot slip through.

    `clock` gives seconds; the event loop's own clock is too coarse for short services (uvloop: milliseconds).
    """

    def __init__(
        self, limit: Callable[[], int | None], *, max_queue_length: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.limit = limit
        self.max_queue_length = max_queue_length
        self.in_service = 0
        self.statistics = QueueStatistics()
        self._clock = clock
        self._order = PriorityOrder()
        self._waiting = self._order.waiting
        self._service_time = ServiceTime()

    @property
    def queued(self) -> int:
        """Requests that wait."""
        return len(self._waiting)

    async def enter(self, *, tenant: TenantConfig, deadline_seconds: float) -> None:
        """Return when the request may go to an engine; `leave` must then be called once, whatever becomes of it.

        Raises GatewayError (503 with Retry-After) when it gets no place: because its deadline passes or is predicted
        to, because the queue is full, or because it has to give way to another request. When the waiting task is
        cancelled, its place is free again, and `leave` must not be called.
        """
        if self._waiting:
            self._admit()  # in case the limit has changed without a word
        if not self._waiting and self._has_room():
            self.in_service += 1
            self._service_time.arrived(self._clock())
            self.statistics.admitted_at_once += 1
            return
        await self._wait(tenant, deadline_seconds)

    def leave(self) -> None:
        """A request that had a place has ended, in whatever way."""
        self.in_service -= 1
        self._service_time.departed(self._clock())
        if self._waiting:
            self._admit()

    def limit_changed(self) -> None:
        """Let in as many as now fit."""
        if self._waiting:
            self._admit()

    async def _wait(self, tenant: TenantConfig, deadline_seconds: float) -> None:
        self._reject_early(tenant, deadline_seconds)
        self._make_room_for(tenant)
        loop = asyncio.get_running_loop()
        waiter = Waiter(tenant, loop.create_future(), self._clock())
        self._order.push(waiter)
        timer = loop.call_later(deadline_seconds, self._turn_away, waiter, Verdict.EXPIRED)
        try:
            verdict = await waiter.verdict
        except asyncio.CancelledError:
            self._abandon(waiter)
            raise
        finally:
            timer.cancel()
        match verdict:
            case Verdict.ADMITTED:
                self.statistics.waited(self._clock() - waiter.since_seconds)
            case Verdict.EXPIRED:
                error = rejections.deadline_exceeded(deadline_seconds, self._drained_in_seconds())
                raise self._rejected(tenant, Reason.DEADLINE, error)
            case Verdict.SHED:
                raise self._rejected(tenant, Reason.SHED, rejections.shed(self._drained_in_seconds()))

    def _reject_early(self, tenant: TenantConfig, deadline_seconds: float) -> None:
        predicted_seconds = self._predicted_wait_seconds(self._order.ahead_of(tenant))
        if predicted_seconds is not None and predicted_seconds > deadline_seconds:
            error = rejections.deadline_unreachable(predicted_seconds, deadline_seconds)
            raise self._rejected(tenant, Reason.DEADLINE, error)

    def _make_room_for(self, tenant: TenantConfig) -> None:
        if len(self._waiting) < self.max_queue_length:
            return
        victim = self._order.victim_for(tenant)
        if victim is None:
            raise self._rejected(tenant, Reason.QUEUE_FULL, rejections.queue_full(self._drained_in_seconds()))
        self._turn_away(victim, Verdict.SHED)

    def _admit(self) -> None:
        while self._waiting and self._has_room():
            waiter = self._order.next()
            if waiter.verdict.done():
                # Its client left in this very turn of the loop: the place is another's, and costs its tenant nothing.
                self._order.discard(waiter)
                continue
            self._order.serve(waiter)
            self.in_service += 1
            self._service_time.arrived(self._clock())
            waiter.decide(Verdict.ADMITTED)

    def _turn_away(self, waiter: Waiter, verdict: Verdict) -> None:
        self._order.discard(waiter)
        waiter.decide(verdict)

    def _abandon(self, waiter: Waiter) -> None:
        self._order.discard(waiter)
        decided = waiter.verdict.done() and not waiter.verdict.cancelled()
        if decided and waiter.verdict.result() is Verdict.ADMITTED:
            self.leave()

    def _has_room(self) -> bool:
        limit = self.limit()
        return limit is None or self.in_service < limit

    def _predicted_wait_seconds(self, ahead: int) -> float | None:
        """None when nothing is known: no engine is up, or too few requests have ended yet."""
        limit, mean_seconds = self.limit(), self._service_time.mean_seconds
        if not limit or mean_seconds is None:
            return None
        return predicted_wait_seconds(ahead, self.in_service, limit, mean_seconds)

    def _drained_in_seconds(self) -> float:
        return self._predicted_wait_seconds(len(self._waiting)) or 0.0

    def _rejected(self, tenant: TenantConfig, reason: Reason, error: GatewayError) -> GatewayError:
        self.statistics.reject(tenant.id, reason)
        return error
