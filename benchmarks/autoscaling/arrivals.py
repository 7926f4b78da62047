"""When requests come: Poisson processes whose rate changes over the day. The same seed makes the same day."""

import math
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass

DAY_SECONDS = 24 * 3600
Rate = Callable[[float], float]
"""Requests per second at a second of the day."""


@dataclass(frozen=True)
class Arrivals:
    """`rate` never exceeds `most`."""

    rate: Rate
    most: float
    seconds: int

    def times(self, chance: random.Random) -> Iterator[float]:
        """By thinning: as many as at the highest rate, each kept with the share that the rate is of it."""
        at = chance.expovariate(self.most)
        while at < self.seconds:
            if chance.random() * self.most < self.rate(at):
                yield at
            at += chance.expovariate(self.most)


def steady(per_second: float, seconds: int) -> Arrivals:
    return Arrivals(lambda _: per_second, per_second, seconds)


def diurnal(least: float, most: float) -> Arrivals:
    """Least at four in the night, most at four in the afternoon."""
    middle, swing = (most + least) / 2, (most - least) / 2
    return Arrivals(lambda at: middle - swing * math.cos(2 * math.pi * (at / DAY_SECONDS - 4 / 24)), most, DAY_SECONDS)


def bursts(usual: float, burst: float, *, every_seconds: int, burst_seconds: int, seconds: int) -> Arrivals:
    """The first after half of `every_seconds`."""

    def rate(at: float) -> float:
        return burst if 0 <= at % every_seconds - every_seconds / 2 < burst_seconds else usual

    return Arrivals(rate, max(usual, burst), seconds)


def office_hours(per_second: float, start_hour: int, end_hour: int) -> Arrivals:
    """Nothing before and after."""
    return Arrivals(
        lambda at: per_second if start_hour * 3600 <= at < end_hour * 3600 else 0.0, per_second, DAY_SECONDS
    )
