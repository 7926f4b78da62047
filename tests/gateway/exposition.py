"""Reads what /metrics says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client.parser import text_string_to_metric_families

if TYPE_CHECKING:
    from prometheus_client.samples import Sample

    from .processes import Gateway


def scrape(gateway: Gateway) -> list[Sample]:
    """Every sample of all families."""
    text = gateway.client.get("/metrics", headers={"authorization": ""}).text
    return [sample for family in text_string_to_metric_families(text) for sample in family.samples]


def total(samples: list[Sample], name: str, **labels: str) -> float:
    """The sum over all series whose labels include these."""
    return sum(sample.value for sample in samples if sample.name == name and labels.items() <= sample.labels.items())
