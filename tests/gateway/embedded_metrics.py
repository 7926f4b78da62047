"""Reads lines of CloudWatch's embedded metric format as CloudWatch does."""

from __future__ import annotations

import json
from collections import Counter
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from jsonschema import Draft202012Validator

if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_EVENT_BYTES = 2**20


class Datum(NamedTuple):
    """One metric's values in one line."""

    name: str
    dimensions: dict[str, str]
    timestamp_seconds: float
    unit: str
    storage_resolution: int
    counts: Counter[float]
    """How often which value."""

    @property
    def sum(self) -> float:
        return sum(value * count for value, count in self.counts.items())


@cache
def _validator() -> Draft202012Validator:
    schema = json.loads(Path(__file__).with_name("embedded_metric_format.schema.json").read_text())
    return Draft202012Validator(schema)


def extract(lines: Iterable[str | bytes]) -> list[Datum]:
    """The metrics of all lines that have any. Fails for one that CloudWatch would not take."""
    return [datum for line in lines if '"_aws"' in _text(line) for datum in _extract(_text(line))]


def of(data: Iterable[Datum], name: str, **dimensions: str) -> list[Datum]:
    return [datum for datum in data if datum.name == name and dimensions.items() <= datum.dimensions.items()]


def total(data: Iterable[Datum], name: str) -> float:
    return sum(datum.sum for datum in of(data, name))


def percentile(data: Iterable[Datum], name: str, percent: float) -> float:
    """The least value that is not exceeded by so many of a hundred."""
    counts: Counter[float] = Counter()
    for datum in of(data, name):
        counts.update(datum.counts)
    rank, seen = percent / 100 * counts.total(), 0
    for value in sorted(counts):
        seen += counts[value]
        if seen >= rank:
            return value
    raise AssertionError(f"{name} has no values")


def _text(line: str | bytes) -> str:
    return line if isinstance(line, str) else line.decode()


def _extract(line: str) -> list[Datum]:
    assert len(line.encode()) <= MAX_EVENT_BYTES
    document = json.loads(line)
    _validator().validate(document)
    return [
        _datum(document, directive, names, metric)
        for directive in document["_aws"]["CloudWatchMetrics"]
        for names in directive["Dimensions"]
        for metric in directive["Metrics"]
    ]


def _datum(document: dict[str, Any], directive: dict[str, Any], names: list[str], metric: dict[str, Any]) -> Datum:
    assert directive["Namespace"] == "Moorage"
    value = document[metric["Name"]]
    if isinstance(value, dict):
        assert len(value["Values"]) == len(value["Counts"])
        assert sum(value["Counts"]) == value["Count"]
        counts = Counter(dict(zip(value["Values"], value["Counts"], strict=True)))
    else:
        counts = Counter({float(value): 1})
    return Datum(
        name=metric["Name"],
        dimensions={name: document[name] for name in names},
        timestamp_seconds=document["_aws"]["Timestamp"] / 1000,
        unit=metric["Unit"],
        storage_resolution=metric.get("StorageResolution", 60),
        counts=counts,
    )
