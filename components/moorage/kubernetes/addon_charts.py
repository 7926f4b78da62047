"""The Helm charts of what a cluster needs besides: `addon_charts.csv`, each row with its source and date."""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

_TABLE = "addon_charts.csv"


@dataclass(frozen=True)
class Chart:
    """One row."""

    addon: str
    """Our word for it."""
    chart: str
    """Its name in the repository, or an `oci://` address."""
    repository: str
    """Empty for an `oci://` chart."""
    version: str
    app_version: str
    source: str
    """What says that this version has been released."""
    source_date: str


@cache
def addon_charts() -> Mapping[str, Chart]:
    """By our word for it; read at the first call."""
    text = files("moorage.kubernetes").joinpath(_TABLE).read_text(encoding="utf-8")
    return {row["addon"]: Chart(**row) for row in csv.DictReader(text.splitlines())}
