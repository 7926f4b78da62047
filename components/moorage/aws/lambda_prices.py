"""What a request costs on AWS Lambda behind API Gateway."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Architecture = Literal["arm64", "x86_64"]

REFERENCE_REGION = "us-east-1"
_MB_PER_GB = 1024
_SECONDS_PER_HOUR = 3600


@dataclass(frozen=True)
class _GbSecondPrices:
    """In USD, for a GB of memory and a second."""

    duration: float
    provisioned: float
    """Whether it is used or not."""
    provisioned_duration: float
    """Of what runs in it, on top."""


# AWS's price list of us-east-1 without its free tier and its discounts from 6 billion GB-seconds on, as several
# repositories quote aws.amazon.com/lambda/pricing and aws.amazon.com/api-gateway/pricing, one of them AWS's Price List
# API of 2026-07-31 (read 2026-11-26; the pages themselves could not be had).
_GB_SECOND: Mapping[Architecture, _GbSecondPrices] = {
    "arm64": _GbSecondPrices(0.0000133334, 0.0000033334, 0.0000077778),
    "x86_64": _GbSecondPrices(0.0000166667, 0.0000041667, 0.0000097222),
}
_REQUEST = 0.20 / 1e6
_API_REQUEST = 3.50 / 1e6


def usd_per_1000_requests(architecture: Architecture, memory_mb: int, seconds: float) -> float:
    """Of requests that take so long each, with API Gateway's part, in environments that nobody has provisioned."""
    duration = memory_mb / _MB_PER_GB * seconds * _GB_SECOND[architecture].duration
    return 1000 * (duration + _REQUEST + _API_REQUEST)


def usd_per_provisioned_hour(architecture: Architecture, memory_mb: int) -> float:
    """Of one environment that is kept started."""
    return memory_mb / _MB_PER_GB * _SECONDS_PER_HOUR * _GB_SECOND[architecture].provisioned


def break_even_requests_per_hour(always_on_usd_per_hour: float, usd_per_1000: float) -> int:
    """From this many requests an hour on, what is always on for so much costs less."""
    return round(always_on_usd_per_hour / usd_per_1000 * 1000)
