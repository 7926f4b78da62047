"""Endpoints that share load."""

from __future__ import annotations

from typing import TYPE_CHECKING

from moorage_serving.gateway.upstream.affinity import AffinityRing
from moorage_serving.gateway.upstream.balancing import least_outstanding
from moorage_serving.gateway.upstream.outliers import find_outliers

if TYPE_CHECKING:
    from collections.abc import Container, Sequence

    from moorage_serving.gateway.upstream.endpoint import Endpoint
    from moorage_serving.gateway.upstream.upstream import Upstream


class Pool:
    """Chooses one of its endpoints."""

    def __init__(self, endpoints: Sequence[Endpoint]) -> None:
        self._ring = AffinityRing(endpoints)

    @property
    def endpoints(self) -> tuple[Endpoint, ...]:
        return self._ring.members

    def choose(self, conversation: bytes | None, now: float, passed_over: Container[Endpoint]) -> Endpoint | None:
        """The conversation's endpoint as far as load allows, else the least loaded one; None when there is none."""
        endpoints = self._ring.members
        if len(endpoints) == 1:
            only = endpoints[0]
            return only if only.accepts(now) and only not in passed_over else None
        if conversation is not None and (chosen := self._ring.choose(conversation, now, passed_over)) is not None:
            return chosen
        return least_outstanding(endpoints, now, passed_over)

    def eject_outliers(self, now: float) -> None:
        """Put endpoints aside that do much worse than the others; never more than half of them at a time."""
        endpoints = self._ring.members
        ejected = sum(now < endpoint.ejected_until for endpoint in endpoints)
        allowed = len(endpoints) // 2 - ejected
        if allowed <= 0:
            return
        standings = {e: e.recent.standing(now) for e in endpoints if e.is_up and now >= e.ejected_until}
        for endpoint in find_outliers(standings)[:allowed]:
            endpoint.eject(now)


def pools_of(upstreams: Sequence[Upstream]) -> tuple[Pool, ...]:
    """Upstreams of one pool together, in the order of their first members."""
    members: dict[str, list[Endpoint]] = {}
    for upstream in upstreams:
        # A pool's name cannot have a slash, so that a lone upstream's cannot be the same.
        members.setdefault(upstream.config.pool or f"/{upstream.config.name}", []).extend(upstream.endpoints)
    return tuple(Pool(endpoints) for endpoints in members.values())
