"""Keeps conversations where their KV cache is: consistent hashing with bounded loads.

A ring with many points per endpoint, rather than rendezvous hashing, which looks at every endpoint for every request,
or jump hashing, from which only the last endpoint can leave. Bounded loads: Mirrokni, Thorup, Zadimoghaddam,
"Consistent Hashing with Bounded Loads", https://arxiv.org/abs/1608.01350; factor 1.25 as in KubeAI and HAProxy's
documentation of `hash-balance-factor` (125 to 200).
"""

from __future__ import annotations

import hashlib
from bisect import bisect
from functools import lru_cache
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Container, Sequence

BOUND = 1.25
POINTS_PER_ENDPOINT = 128
# Within so many points every one of some tens of endpoints has been met, as good as always.
MAX_STEPS = 256
POINT_BYTES = 8


class Loaded(Protocol):
    """What the choice looks at. `load` is counted in requests; more `weight` means more of them."""

    unique_name: str
    load: int
    weight: float
    is_up: bool

    def accepts(self, now: float) -> bool: ...


Member = TypeVar("Member", bound=Loaded)


class AffinityRing(Generic[Member]):
    """Endpoints on a circle of 64-bit numbers. A key belongs to the first that comes after it and has room."""

    def __init__(self, members: Sequence[Member]) -> None:
        self.members = tuple(members)
        placed = sorted(
            ((point, index) for index, member in enumerate(members) for point in points(member.unique_name)),
        )
        self._points = [point for point, _ in placed]
        self._owners = [self.members[index] for _, index in placed]

    def choose(self, key: bytes, now: float, passed_over: Container[Member] = ()) -> Member | None:
        """The endpoint for a key (at least 8 random bytes), or None where none nearby has room.

        No endpoint gets more than 1.25 times its share of all load, rounded up.
        """
        load = 1
        weight = 0.0
        for member in self.members:
            if member.is_up:
                load += member.load
                weight += member.weight
        if not weight:
            return None
        bound_per_weight = BOUND * load / weight
        owners, count = self._owners, len(self._owners)
        start = bisect(self._points, int.from_bytes(key[:POINT_BYTES]))
        for step in range(min(count, MAX_STEPS)):
            member = owners[(start + step) % count]
            # A load below the bound, not rounded, is one that a further request takes to the rounded bound at most.
            if member.load < bound_per_weight * member.weight and member.accepts(now) and member not in passed_over:
                return member
        return None


@lru_cache(maxsize=1024)
def points(name: str) -> tuple[int, ...]:
    """Where an endpoint stands: the same for every gateway, whatever the other endpoints are."""
    result: list[int] = []
    per_digest = hashlib.blake2b.MAX_DIGEST_SIZE // POINT_BYTES
    for index in range(POINTS_PER_ENDPOINT // per_digest):
        digest = hashlib.blake2b(f"{index}:{name}".encode()).digest()
        starts = range(0, len(digest), POINT_BYTES)
        result.extend(int.from_bytes(digest[start : start + POINT_BYTES]) for start in starts)
    return tuple(result)
