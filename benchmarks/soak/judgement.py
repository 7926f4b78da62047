"""What has to hold after the soak, as pure functions of what was seen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.soak.slope import robust_slope

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

WARM_UP_SHARE = 1 / 3
# What growth is let through: an allocator's noise, or per request less than the smallest object that could leak.
MAX_GROWTH_BYTES, MAX_GROWTH_BYTES_PER_REQUEST = 3 << 20, 32
# Of requests that no fault was asked for; engines and Redis are killed under them all the time.
MIN_WHOLE_SHARE = 0.9
NEVER = (
    "answer to another request",
    "answer of another tenant",
    "connection broken",
    "cut silently",
    "error without a type",
    "500",
)
HEALTHY_KINDS = ("document", "stream", "repeated document", "repeated stream")


@dataclass(frozen=True)
class Finding:
    """One thing that has to hold, with what was seen."""

    what: str
    seen: str
    holds: bool


def judge_answers(tallies: Mapping[str, Mapping[str, int]]) -> Iterator[Finding]:
    """Every answer is its own request's and tenant's, whole or with an error that says so."""
    for outcome in NEVER:
        # An engine's own 500 is passed on: that kind alone may end so.
        kinds = {kind: of[outcome] for kind, of in tallies.items() if of.get(outcome) and kind != "engine says 500"}
        yield Finding(f"no {outcome}", str(kinds or "none"), not kinds)
    for kind in HEALTHY_KINDS:
        of = tallies.get(kind, {})
        made = sum(of.values())
        share = of.get("whole", 0) / made if made else 0.0
        yield Finding(f"{kind}: whole answers", f"{share:.1%} of {made}", share >= MIN_WHOLE_SHARE)


def judge_memory(samples: Sequence[tuple[float, float]], requests: int) -> Finding:
    """Growth by the robust slope after the warm-up, over the rest of the run."""
    judged = samples[int(len(samples) * WARM_UP_SHARE) :]
    seconds = judged[-1][0] - judged[0][0]
    slope = robust_slope(judged)
    share = seconds / samples[-1][0]
    limit = max(MAX_GROWTH_BYTES, MAX_GROWTH_BYTES_PER_REQUEST * requests * share)
    grown = slope * seconds
    seen = f"{grown / (1 << 20):+.2f} MiB in {seconds:.0f} s ({slope * 3600 / (1 << 20):+.1f} MiB/h)"
    return Finding(f"memory grows by no more than {limit / (1 << 20):.1f} MiB", seen, grown <= limit)


def judge_rest(connections: Mapping[str, int], gauges: Mapping[str, float], idle: Mapping[str, int]) -> list[Finding]:
    """What is open and counted when nobody asks any more, against what was before anybody did."""
    busy = {name: value for name, value in gauges.items() if value}
    return [
        Finding("no client's connection is left", str(connections["clients"]), connections["clients"] == 0),
        Finding(
            "engines' connections are as before", str(connections["engines"]), connections["engines"] <= idle["engines"]
        ),
        Finding(
            "Redis' connections are as before", str(connections["Redis"]), connections["Redis"] <= idle["Redis"] + 1
        ),
        Finding(f"{len(gauges)} gauges of what goes on are zero", str(busy or "all"), bool(gauges) and not busy),
    ]
