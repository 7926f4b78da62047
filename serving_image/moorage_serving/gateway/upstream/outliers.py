"""Finds endpoints that do much worse than those beside them."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Mapping

    from moorage_serving.gateway.upstream.recent_answers import Standing

Name = TypeVar("Name")
MIN_REQUESTS = 20
FAILURE_RATIO_ABOVE_OTHERS = 0.2
TIMES_SLOWER_THAN_OTHERS = 3.0
# Below this, being several times slower is noise.
SECONDS_SLOWER_THAN_OTHERS = 1.0


def find_outliers(standings: Mapping[Name, Standing]) -> list[Name]:
    """Worst first. An endpoint is compared with the median of the others; each needs 20 requests to be compared.

    Outliers: a failure ratio more than 0.2 above that of the others, or a median time to the first byte that is three
    times theirs and at least a second more.
    """
    known = {name: standing for name, standing in standings.items() if standing.requests >= MIN_REQUESTS}
    found: list[tuple[float, Name]] = []
    for name, standing in known.items():
        others = [other for other_name, other in known.items() if other_name != name]
        if others and (excess := _excess(standing, others)):
            found.append((excess, name))
    return [name for _, name in sorted(found, key=lambda item: -item[0])]


def _excess(standing: Standing, others: list[Standing]) -> float:
    """How much worse than the others, as a number to sort by; 0 for an endpoint that is none."""
    failures_above = standing.failure_ratio - median(other.failure_ratio for other in others)
    if failures_above > FAILURE_RATIO_ABOVE_OTHERS:
        return 1_000_000 * failures_above
    own = standing.median_first_byte_seconds
    times = [time for other in others if (time := other.median_first_byte_seconds) is not None]
    if own is None or not times:
        return 0.0
    usual = median(times)
    if own >= TIMES_SLOWER_THAN_OTHERS * usual and own >= usual + SECONDS_SLOWER_THAN_OTHERS:
        return own - usual
    return 0.0
