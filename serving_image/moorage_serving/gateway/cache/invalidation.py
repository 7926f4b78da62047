"""Deletes answers of a tenant, of a revision, or of both."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple

from moorage_serving.gateway.cache.key import revision_prefix, tenant_prefix
from moorage_serving.gateway.cache.store import FORGET_ITEMS, TENANTS, index_keys, item_key
from moorage_serving.gateway.redis_scripts import PAGE_ITEMS, pages

if TYPE_CHECKING:
    from collections.abc import Iterable

    from moorage_serving.gateway.redis_calls import Reply
    from moorage_serving.gateway.redis_link import RedisLink

TIMEOUT_SECONDS = 5.0


class Found(NamedTuple):
    """How many items there are, or were; bytes as they count against the tenant's limit."""

    items: int
    bytes: int


async def invalidate(
    redis: RedisLink, *, tenant: str | None = None, revision: str | None = None, apply: bool = False
) -> Found:
    """Count what belongs to the tenant (None: every tenant) and revision (None: every one); delete it with `apply`.

    Reads the indexes, never the whole key space. An answer that is being written meanwhile can be stored afterwards.
    Raises RedisUnavailableError.
    """
    tenants = await _tenants(redis) if tenant is None else [tenant]
    items = total_bytes = 0
    for each in tenants:
        names = await _items(redis, each, "" if revision is None else revision_prefix(revision))
        for page in pages(names):
            total_bytes += await _bytes(redis, each, page)
            if apply:
                keys = (*index_keys(each), *(item_key(each, name) for name in page))
                await redis.run_script(FORGET_ITEMS, keys, (tenant_prefix(each),), timeout_seconds=TIMEOUT_SECONDS)
        items += len(names)
    return Found(items, total_bytes)


async def _tenants(redis: RedisLink) -> list[str]:
    now = int(time.time() * 1000)
    await redis.execute("ZREMRANGEBYSCORE", TENANTS, "-inf", now, timeout_seconds=TIMEOUT_SECONDS)
    return _texts(await redis.execute("ZRANGE", TENANTS, 0, -1, timeout_seconds=TIMEOUT_SECONDS))


async def _items(redis: RedisLink, tenant: str, prefix: str) -> list[str]:
    """Items that have not expired; read in pages, so that Redis is never busy for long."""
    expiries, _ = index_keys(tenant)
    now, offset, names = int(time.time() * 1000), 0, []
    while True:
        page = _texts(
            await redis.execute(
                *("ZRANGE", expiries, now, "+inf", "BYSCORE", "LIMIT", offset, PAGE_ITEMS),
                timeout_seconds=TIMEOUT_SECONDS,
            )
        )
        names += [name for name in page if name.startswith(prefix)]
        if len(page) < PAGE_ITEMS:
            return names
        offset += PAGE_ITEMS


async def _bytes(redis: RedisLink, tenant: str, items: Iterable[str]) -> int:
    _, sizes = index_keys(tenant)
    return sum(
        int(size) for size in _texts(await redis.execute("HMGET", sizes, *items, timeout_seconds=TIMEOUT_SECONDS))
    )


def _texts(reply: Reply) -> list[str]:
    return [item.decode() for item in reply if isinstance(item, bytes)] if isinstance(reply, list) else []
