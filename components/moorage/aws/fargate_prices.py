"""What tasks on Fargate cost, from AWS's price list: pure."""

from typing import Literal, NamedTuple

from moorage.aws.fargate_size import FargateSize

REFERENCE_REGION = "us-east-1"
_UNITS_PER_VCPU = 1024
_MIB_PER_GIB = 1024
_FREE_STORAGE_GIB = 20
_USD_PER_STORAGE_GIB_HOUR = 0.000111


class _Price(NamedTuple):
    usd_per_vcpu_hour: float
    usd_per_gib_hour: float


# aws.amazon.com/fargate/pricing, Linux, N. Virginia, as others have it of AWS's price list on 2026-09-23 (read
# 2026-11-26; the page itself could not be had). Most regions are within a third of it.
_PRICES = {"x86_64": _Price(0.04048, 0.004445), "arm64": _Price(0.03238, 0.00356)}


def usd_per_hour(size: FargateSize, storage_gib: int, architecture: Literal["arm64", "x86_64"]) -> float:
    """Of one task in `REFERENCE_REGION`."""
    price = _PRICES[architecture]
    storage = max(0, storage_gib - _FREE_STORAGE_GIB) * _USD_PER_STORAGE_GIB_HOUR
    vcpus, memory_gib = size.cpu_units / _UNITS_PER_VCPU, size.memory_mib / _MIB_PER_GIB
    return vcpus * price.usd_per_vcpu_hour + memory_gib * price.usd_per_gib_hour + storage
