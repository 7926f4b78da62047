"""A slope that single outliers do not move."""

from __future__ import annotations

import statistics
from itertools import combinations
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def robust_slope(points: Sequence[tuple[float, float]]) -> float:
    """The median of the slopes between all pairs (Theil 1950, Sen 1968): up to 29 % of the points may be arbitrary.

    Raises ValueError when there are not two points with different first values.
    """
    slopes = [(y2 - y1) / (x2 - x1) for (x1, y1), (x2, y2) in combinations(points, 2) if x1 != x2]
    if not slopes:
        raise ValueError("a slope needs two points at different times")
    return statistics.median(slopes)
