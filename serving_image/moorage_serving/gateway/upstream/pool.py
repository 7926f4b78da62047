"""Endpoints that share load."""

from __future__ import annotations

from typing import TYPE_CHECKING

from moorage_serving.gateway.upstream.affinity import AffinityRing
from moorage_serving.gateway.upstream.balancing import least_outstanding

if TYPE_CHECKING:
    from collections.abc import Container, Sequence

    from moorage_serving.gateway.upstream.endpoint import Endpoint


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
