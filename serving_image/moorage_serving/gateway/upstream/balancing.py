"""Chooses the endpoint that has the least to do."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable

    from moorage_serving.gateway.upstream.affinity import Loaded

Member = TypeVar("Member", bound="Loaded")


def least_outstanding(
    members: Iterable[Member],
    now: float,
    passed_over: Container[Member] = (),
    random: Callable[[], float] = random.random,
) -> Member | None:
    """The endpoint with the least outstanding requests per weight; among equals each is as likely. None: all are full.

    At random, because gateways that know nothing of each other would otherwise all begin with the same one.
    """
    best: Member | None = None
    best_share = float("inf")
    equals = 1
    for member in members:
        if not member.accepts(now) or member in passed_over:
            continue
        share = member.load / member.weight
        if share < best_share:
            best, best_share, equals = member, share, 1
        elif share == best_share:
            equals += 1
            if random() * equals < 1:
                best = member
    return best
