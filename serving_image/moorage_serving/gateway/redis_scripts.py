"""Lua scripts for Redis, and what they are called with."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, TypeVar

from moorage_serving.gateway.redis_calls import Script

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

Item = TypeVar("Item")
# Redis is busy with one call for a millisecond or so; and ElastiCache Serverless takes 3,999 arguments a command
# (docs.aws.amazon.com/AmazonElastiCache/latest/dg/RedisConfiguration.html, read 2026-11-26).
PAGE_ITEMS = 500


def read_script(folder: Path, *names: str) -> Script:
    """Files of a folder, one after the other.

    Every key that a script touches stands in its KEYS, one at least, and all of them share a hash tag: a cluster, and
    so ElastiCache Serverless, refuses others (docs.aws.amazon.com/AmazonElastiCache/latest/dg/
    BestPractices.Clients.Redis.LuaScripts.html, read 2026-11-26).
    """
    return Script("".join((folder / f"{name}.lua").read_text() for name in names))


def pages(items: Iterable[Item]) -> Iterator[tuple[Item, ...]]:
    """What one call takes of them, and the next."""
    iterator = iter(items)
    while page := tuple(islice(iterator, PAGE_ITEMS)):
        yield page
