"""The order of all that wait for one model: strict priority, and fair order within a priority."""

from __future__ import annotations

from typing import TYPE_CHECKING

from moorage_serving.gateway.admission.fair_order import FairOrder

if TYPE_CHECKING:
    from moorage_serving.gateway.admission.waiter import Waiter
    from moorage_serving.gateway.config.tenants import TenantConfig


class PriorityOrder:
    """As many bands as there are different priorities among those that wait. `waiting`: all of them, to be read."""

    def __init__(self) -> None:
        self.waiting: set[Waiter] = set()
        self._bands: dict[int, FairOrder[Waiter]] = {}

    def push(self, waiter: Waiter) -> None:
        tenant = waiter.tenant
        band = self._bands.get(tenant.priority)
        if band is None:
            band = self._bands[tenant.priority] = FairOrder()
        band.push(waiter, tenant.id, tenant.weight)
        self.waiting.add(waiter)

    def next(self) -> Waiter:
        """Whose turn it is. There must be one."""
        return self._bands[max(self._bands)].next()

    def serve(self, waiter: Waiter) -> None:
        """Take out the one whose turn it was."""
        self.waiting.remove(waiter)
        self._bands[waiter.tenant.priority].serve(waiter, waiter.tenant.id)
        self._drop_empty_band(waiter.tenant.priority)

    def discard(self, waiter: Waiter) -> None:
        """Take out one that leaves without having been served, if it is still there."""
        if waiter in self.waiting:
            self.waiting.remove(waiter)
            self._bands[waiter.tenant.priority].remove(waiter, waiter.tenant.id)
            self._drop_empty_band(waiter.tenant.priority)

    def ahead_of(self, tenant: TenantConfig) -> int:
        """How many of those that wait now would be served before a new request of `tenant`."""
        higher = sum(len(band) for priority, band in self._bands.items() if priority > tenant.priority)
        band = self._bands.get(tenant.priority)
        return higher + (band.ahead_of(tenant.id, tenant.weight) if band else 0)

    def victim_for(self, tenant: TenantConfig) -> Waiter | None:
        """Who has to go so that a new request of `tenant` can wait; None when it is the new one that has to.

        Always of the lowest priority: the newest request of the tenant that holds most places for its weight. Within
        one priority only if the new request's tenant holds fewer, or one tenant could keep all others out.
        """
        if not self._bands:
            return None
        lowest = min(self._bands)
        if tenant.priority < lowest:
            return None
        band = self._bands[lowest]
        crowded = band.most_crowded()
        if tenant.priority == lowest:
            places_then = band.places(tenant.id) + 1
            if places_then / tenant.weight >= crowded.places_per_weight:
                return None
        return next(reversed(crowded.waiting))

    def _drop_empty_band(self, priority: int) -> None:
        if not self._bands[priority]:
            del self._bands[priority]
