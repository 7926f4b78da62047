"""The instances with GPUs that AWS and Google Cloud rent out: `gpu_catalog.csv`, each row with its source and date."""

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from typing import Literal, get_args

from moorage.planner.availability import aws_regions, gcp_region_of, gcp_zones_of

Cloud = Literal["aws", "gcp"]
CLOUDS: tuple[Cloud, ...] = get_args(Cloud)

_CATALOG = "gpu_catalog.csv"
_GPU_MODELS = "gpu_models.csv"
REFERENCE_REGIONS: dict[Cloud, str] = {"aws": "us-east-1", "gcp": "us-central1"}
"""Of these the catalogue has every type, with its price."""


@dataclass(frozen=True)
class GpuModel:
    """What vLLM has to know of a GPU."""

    usable_gib: float
    """What torch reports as its total, below the name plate and below what the clouds state."""
    compute_capability: float


@dataclass(frozen=True)
class GpuInstance:
    """One row: an instance type in one region."""

    cloud: Cloud
    region: str
    instance_type: str
    gpu_name: str
    gpu_count: float
    """Below 1 for a slice of a GPU."""
    gpu_mem_gib: float
    """Of each GPU, as the cloud states it."""
    vcpus: int
    ram_gib: float
    price_usd_per_hour: float | None
    """On demand. None: not for sale on demand in this region, or not known."""
    comparable_usd_per_hour: float | None
    """On demand; in the cloud's reference region where the price in this one is not known. None: not known either."""
    spot_usd_per_hour: float | None
    """None: not known."""
    source: str
    source_date: str
    gpu: GpuModel | None
    """None for what vLLM's CUDA image does not run on: slices, Inferentia and Trainium."""

    @property
    def is_placeable(self) -> bool:
        """A pool can ask for it by its type alone, and the image runs on it.

        An N1 machine with a T4 attached is no type of its own.  A slice is no whole number of `nvidia.com/gpu`.
        """
        return self.gpu is not None and "+" not in self.instance_type


@cache
def gpu_catalog() -> tuple[GpuInstance, ...]:
    """Every type in every region where it is for sale, read at the first call."""
    models = dict(_gpu_models())
    return tuple(_complete([_instance(row, models) for row in _rows(_CATALOG)]))


def instances_in(cloud: Cloud, region: str) -> list[GpuInstance]:
    return [instance for instance in gpu_catalog() if (instance.cloud, instance.region) == (cloud, region)]


def instance_types(cloud: Cloud) -> dict[str, GpuInstance]:
    """By name: each in one of its regions, the reference region if it is there."""
    rows = [row for row in gpu_catalog() if row.cloud == cloud]
    rows.sort(key=lambda row: row.region == REFERENCE_REGIONS[cloud])
    return {row.instance_type: row for row in rows}


def regions_of(cloud: Cloud, instance_type: str) -> list[str]:
    """Where it is for sale; empty for one that the catalogue does not know."""
    return [row.region for row in gpu_catalog() if (row.cloud, row.instance_type) == (cloud, instance_type)]


def _complete(priced: Sequence[GpuInstance]) -> Iterator[GpuInstance]:
    """The rows as they are, without regions that lack the type, then those of which no price is known."""
    known = {(row.cloud, row.region, row.instance_type) for row in priced}
    for row in priced:
        if _is_for_sale(row):
            yield row
    for example in {(row.cloud, row.instance_type): row for row in reversed(priced)}.values():
        for region in sorted(_regions_of(example)):
            if (example.cloud, region, example.instance_type) not in known:
                yield replace(
                    example,
                    region=region,
                    price_usd_per_hour=None,
                    comparable_usd_per_hour=example.price_usd_per_hour,
                    spot_usd_per_hour=None,
                )


def _regions_of(instance: GpuInstance) -> frozenset[str]:
    if instance.cloud == "aws":
        return aws_regions()[instance.instance_type]
    return frozenset(gcp_region_of(zone) for zone in gcp_zones_of(instance.instance_type) or ())


def _is_for_sale(instance: GpuInstance) -> bool:
    """Of a type of which no places are known, the catalogue's own word is taken."""
    is_unknown = instance.cloud == "gcp" and gcp_zones_of(instance.instance_type) is None
    return is_unknown or instance.region in _regions_of(instance)


def _gpu_models() -> Iterator[tuple[tuple[str, float], GpuModel]]:
    for row in _rows(_GPU_MODELS):
        model = GpuModel(float(row["usable_gib"]), float(row["compute_capability"]))
        yield (row["gpu_name"], float(row["gpu_mem_gib"])), model


def _rows(name: str) -> Iterator[dict[str, str]]:
    yield from csv.DictReader(files("moorage.planner").joinpath(name).read_text(encoding="utf-8").splitlines())


def _instance(row: dict[str, str], models: dict[tuple[str, float], GpuModel]) -> GpuInstance:
    gpu_mem_gib, price = float(row["gpu_mem_gib"]), _price(row["price_usd_per_hour"])
    return GpuInstance(
        cloud="aws" if row["cloud"] == "aws" else "gcp",
        region=row["region"],
        instance_type=row["instance_type"],
        gpu_name=row["gpu_name"],
        gpu_count=float(row["gpu_count"]),
        gpu_mem_gib=gpu_mem_gib,
        vcpus=int(row["vcpus"]),
        ram_gib=float(row["ram_gib"]),
        price_usd_per_hour=price,
        comparable_usd_per_hour=price,
        spot_usd_per_hour=_price(row["spot_usd_per_hour"]),
        source=row["source"],
        source_date=row["source_date"],
        gpu=models.get((row["gpu_name"], gpu_mem_gib)),
    )


def _price(text: str) -> float | None:
    return float(text) if text else None
