"""Finds the highest rate that passes, among rates that all gateways share."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

STEP = 1.1  # rates are its powers, so that what was measured directly at one serves every gateway
LOWEST_SHARE = 0.1


def highest_passing_rate(capacity: float, passes: Callable[[float], bool]) -> float:
    """By bisection between a tenth of `capacity` (what a closed loop reached) and `capacity`; 0: no rate passed.

    Right where a lower rate passes whenever a higher one does. The result is exact to one step, 10 %.
    """
    low = math.floor(math.log(capacity * LOWEST_SHARE, STEP)) - 1
    high = math.ceil(math.log(capacity, STEP)) + 1
    best = 0.0
    while high - low > 1:
        middle = (low + high) // 2
        if passes(STEP**middle):
            low, best = middle, STEP**middle
        else:
            high = middle
    return best
