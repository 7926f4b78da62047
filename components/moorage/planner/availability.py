"""Where instance types with GPUs are for sale: `aws_regions.csv` and `gcp_zones.csv`.

AWS: every region in which AWS's own price list has the type, in all three partitions (as in
`aws_ec2_instance/instancetype_enum.json` of github.com/aws-cloudformation/cfn-lint 1.58.0, 2026-10-20).
Google Cloud: every zone that offers the machine series (`catalogs/v8/gcp/vms.csv` of
github.com/skypilot-org/skypilot-catalog at 006059e, read 2026-11-25).  It has nothing of A3 Mega, A3 Ultra, A4 and G4.
"""

import csv
from collections.abc import Iterable
from functools import cache
from importlib.resources import files

_AWS_REGIONS = "aws_regions.csv"
_GCP_ZONES = "gcp_zones.csv"


@cache
def aws_regions() -> dict[str, frozenset[str]]:
    """By instance type. None of them: it is not sold on demand anywhere."""
    return {row["instance_type"]: frozenset(row["regions"].split()) for row in _rows(_AWS_REGIONS)}


@cache
def gcp_zones() -> dict[str, frozenset[str]]:
    """By machine series, such as `g2-standard`; without those of which no zones are known."""
    return {row["machine_series"]: frozenset(row["zones"].split()) for row in _rows(_GCP_ZONES)}


def gcp_zones_of(instance_type: str) -> frozenset[str] | None:
    """None: it is not known in which zones it is."""
    return gcp_zones().get(instance_type.rpartition("-")[0])


def gcp_region_of(zone: str) -> str:
    """`europe-west4` of `europe-west4-a`."""
    return zone.rpartition("-")[0]


def nearest_first(regions: Iterable[str], region: str) -> list[str]:
    """Those of the same part of the world before the others, by name: `eu-`, `europe-`, `us-` and so on."""
    part = region.partition("-")[0]
    return sorted(set(regions), key=lambda each: (each.partition("-")[0] != part, each))


def _rows(name: str) -> Iterable[dict[str, str]]:
    return csv.DictReader(files("moorage.planner").joinpath(name).read_text(encoding="utf-8").splitlines())
