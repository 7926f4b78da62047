"""The instances with GPUs that AWS and Google Cloud rent out: `gpu_catalog.csv`, each row with its source and date."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Literal, get_args

Cloud = Literal["aws", "gcp"]
CLOUDS: tuple[Cloud, ...] = get_args(Cloud)

_CATALOG = "gpu_catalog.csv"
_GPU_MODELS = "gpu_models.csv"
# Of the other AWS regions the catalogue has samples; Google's regions are whole (gpu_catalog.csv, 2026-07).
_SAMPLED_CLOUD: Cloud = "aws"
_WHOLE_REGIONS_OF_SAMPLED_CLOUD = frozenset({"us-east-1"})


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
    """On demand. None: not for sale on demand in this region, or its source doubts that it is."""
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
    """All rows, read at the first call."""
    models = dict(_gpu_models())
    return tuple(_instance(row, models) for row in _rows(_CATALOG))


def instances_in(cloud: Cloud, region: str) -> list[GpuInstance]:
    return [instance for instance in gpu_catalog() if (instance.cloud, instance.region) == (cloud, region)]


def regions_of(cloud: Cloud, instance_type: str) -> list[str]:
    """Where the catalogue has this type; empty for one that it does not know."""
    return [row.region for row in gpu_catalog() if (row.cloud, row.instance_type) == (cloud, instance_type)]


def has_whole(cloud: Cloud, region: str) -> bool:
    """Whether the catalogue has every type of this region, so that one without a row is not there."""
    if cloud == _SAMPLED_CLOUD:
        return region in _WHOLE_REGIONS_OF_SAMPLED_CLOUD
    return bool(instances_in(cloud, region))


def _gpu_models() -> Iterator[tuple[tuple[str, float], GpuModel]]:
    for row in _rows(_GPU_MODELS):
        model = GpuModel(float(row["usable_gib"]), float(row["compute_capability"]))
        yield (row["gpu_name"], float(row["gpu_mem_gib"])), model


def _rows(name: str) -> Iterator[dict[str, str]]:
    yield from csv.DictReader(files("moorage.planner").joinpath(name).read_text(encoding="utf-8").splitlines())


def _instance(row: dict[str, str], models: dict[tuple[str, float], GpuModel]) -> GpuInstance:
    gpu_mem_gib = float(row["gpu_mem_gib"])
    return GpuInstance(
        cloud="aws" if row["cloud"] == "aws" else "gcp",
        region=row["region"],
        instance_type=row["instance_type"],
        gpu_name=row["gpu_name"],
        gpu_count=float(row["gpu_count"]),
        gpu_mem_gib=gpu_mem_gib,
        vcpus=int(row["vcpus"]),
        ram_gib=float(row["ram_gib"]),
        price_usd_per_hour=_price(row["price_usd_per_hour"]),
        spot_usd_per_hour=_price(row["spot_usd_per_hour"]),
        source=row["source"],
        source_date=row["source_date"],
        gpu=models.get((row["gpu_name"], gpu_mem_gib)),
    )


def _price(text: str) -> float | None:
    return float(text) if text else None
