"""How much is asked of the engines at this moment, and how they do."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from moorage_serving.gateway.admission.queues import AdmissionQueues
    from moorage_serving.gateway.redis_link import RedisLink
    from moorage_serving.gateway.upstream.route import Route
    from moorage_serving.gateway.upstream.upstream import Upstream


@dataclass(frozen=True)
class UpstreamLoad:
    """`running` and `waiting` are what the engines tell; None where none does."""

    available_endpoints: int
    running: int | None
    waiting: int | None


@dataclass(frozen=True)
class Load:
    """`demand_requests`: of this process, in service and waiting. `redis_available`: None without a Redis."""

    demand_requests: int
    redis_available: bool | None
    upstreams: Mapping[str, UpstreamLoad]


def read_load(queues: AdmissionQueues, routes: Iterable[Route], redis: RedisLink | None) -> Load:
    """A look at all queues and endpoints."""
    return Load(
        demand_requests=sum(queue.in_service + queue.queued for _, queue in queues),
        redis_available=None if redis is None else redis.available,
        upstreams={upstream.config.name: _upstream_load(upstream) for route in routes for upstream in route.upstreams},
    )


def _upstream_load(upstream: Upstream) -> UpstreamLoad:
    now = time.monotonic()
    told = [endpoint.engine_load for endpoint in upstream.endpoints if endpoint.engine_load is not None]
    return UpstreamLoad(
        available_endpoints=sum(endpoint.is_usable(now) for endpoint in upstream.endpoints),
        running=sum(load.running for load in told) if told else None,
        waiting=sum(load.waiting for load in told) if told else None,
    )
