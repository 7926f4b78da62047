"""Which nodes of Amazon ElastiCache hold how much: pure, but for the table that it reads.

The table has Graviton nodes alone, smallest first, with the `maxmemory` that ElastiCache gives Valkey on each and that
cannot be changed: docs.aws.amazon.com/AmazonElastiCache/latest/dg/ParameterGroups.Engine.html, "Valkey node-type
specific parameters". What is kept free of data follows docs.aws.amazon.com/AmazonElastiCache/latest/dg/
redis-memory-management.html: a quarter, 30 % on small and 50 % on micro nodes (both read 2026-11-25).
"""

import csv
from functools import cache
from importlib import resources
from typing import NamedTuple

_MIB = 2**20


class CacheNodeType(NamedTuple):
    """A kind of node."""

    node_type: str
    max_memory_bytes: int
    reserved_memory_percent: int
    """Valkey's own, for what it writes while it copies itself to a replica or a snapshot."""

    @property
    def data_mib(self) -> int:
        """What it stores, without what is reserved."""
        return self.max_memory_bytes * (100 - self.reserved_memory_percent) // 100 // _MIB


@cache
def cache_node_types() -> tuple[CacheNodeType, ...]:
    """Smallest first."""
    text = resources.files("moorage.aws").joinpath("cache_node_types.csv").read_text()
    rows = csv.DictReader(text.splitlines())
    return tuple(
        CacheNodeType(row["node_type"], int(row["max_memory_bytes"]), int(row["reserved_memory_percent"]))
        for row in rows
    )


def smallest_node_type(memory_mib: int) -> CacheNodeType:
    """Raises `ValueError` where no node holds as much."""
    for candidate in cache_node_types():
        if candidate.data_mib >= memory_mib:
            return candidate
    raise ValueError(f"must be at most {cache_node_types()[-1].data_mib}, which the largest node holds")
