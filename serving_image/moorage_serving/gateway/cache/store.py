"""Where answers are kept: Redis, with a lifetime and an upper size per tenant.

Keys of one tenant, who stands in braces so that a Redis Cluster keeps them together:

- `moorage:cache:v1:{tenant}:REVISION:NAME`: one item, an answer or a list of similar questions, with its lifetime.
- `moorage:cache:v1:{tenant}:REVISION:NAME:lease`: while an answer is under way, which process gets it.
- `moorage:cache:v1:{tenant}:expiries`: sorted set of all items by the Unix millisecond they end at.
- `moorage:cache:v1:{tenant}:sizes`: hash of their bytes; the field of no name is the sum.

And `moorage:cache:v1:tenants`: sorted set of tenants by the Unix millisecond their last item ends at.
"""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from moorage_serving.gateway.cache.key import revision_prefix, tenant_prefix
from moorage_serving.gateway.redis_calls import RedisUnavailableError
from moorage_serving.gateway.redis_scripts import read_script

if TYPE_CHECKING:
    from collections.abc import Sequence

    from moorage_serving.gateway.cache.key import Scope
    from moorage_serving.gateway.cache.lease import Lease
    from moorage_serving.gateway.redis_calls import Argument, Reply
    from moorage_serving.gateway.redis_link import RedisLink

TENANTS = "moorage:cache:v1:tenants"
LOOKUP_SECONDS = 0.005
STORE_SECONDS = 1.0  # nobody waits for it
NOT_YET, TOO_LARGE = 0, -1
SCRIPTS = Path(__file__).parent / "scripts"
FORGET_ITEMS, STORE_ITEM = (read_script(SCRIPTS, "index", name) for name in ("forget", "store"))


class Outcome(NamedTuple):
    """What store.lua answers; `names` are of items that have to be among its keys, now or the next time."""

    status: int
    evicted: int
    names: list[bytes]

    @classmethod
    def of(cls, reply: Reply) -> Outcome:
        """Raises RedisUnavailableError when it makes no sense."""
        match reply:
            case [int(status), int(evicted), list(names)]:
                return cls(status, evicted, [name for name in names if isinstance(name, bytes)])
            case _:
                raise RedisUnavailableError("a reply that makes no sense", may_have_run=True)


class ItemKey(NamedTuple):
    """Where one item lies."""

    scope: Scope
    name: str

    @property
    def item(self) -> str:
        return revision_prefix(self.scope.revision) + self.name

    def beside(self, name: str) -> ItemKey:
        """Another item of the same scope."""
        return ItemKey(self.scope, name)

    @property
    def redis_key(self) -> str:
        return item_key(self.scope.tenant, self.item)

    @property
    def lease_key(self) -> str:
        return f"{self.redis_key}:lease"


def item_key(tenant: str, item: str) -> str:
    """Where an item of a tenant lies."""
    return tenant_prefix(tenant) + item


def index_keys(tenant: str) -> tuple[str, str]:
    """The two keys of a tenant's index."""
    prefix = tenant_prefix(tenant)
    return f"{prefix}expiries", f"{prefix}sizes"


class CacheStore:
    """`max_tenant_bytes` holds for keys and values of a tenant's items together."""

    def __init__(self, redis: RedisLink, *, ttl_seconds: int, max_tenant_bytes: int) -> None:
        self._redis = redis
        self._ttl_seconds = ttl_seconds
        self._max_tenant_bytes = max_tenant_bytes
        self._oldest: defaultdict[str, list[bytes]] = defaultdict(list)  # who leaves next, of tenants without room
        self._turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def read(self, key: ItemKey) -> bytes | None:
        """The item. Raises RedisUnavailableError after 5 ms."""
        reply = await self._redis.execute("GET", key.redis_key, timeout_seconds=LOOKUP_SECONDS)
        return reply if isinstance(reply, bytes) else None

    async def read_all(self, keys: Sequence[ItemKey]) -> list[bytes | None]:
        """Items of one tenant in one round trip. Raises as `read`."""
        names = [key.redis_key for key in keys]
        reply = await self._redis.execute("MGET", *names, timeout_seconds=LOOKUP_SECONDS)
        items = reply if isinstance(reply, list) else []
        return [item if isinstance(item, bytes) else None for item in items]

    async def write(self, key: ItemKey, value: bytes, lease: Lease | None = None) -> int:
        """Keep the item; returns how many had to leave for it, -1 when it cannot be kept. Raises as `read`.

        The lease is released in the same step, where the item is kept.
        """
        tenant, lifetime_milliseconds = key.scope.tenant, self._ttl_seconds * 1000
        holder = "" if lease is None else lease.address.text
        arguments = (tenant_prefix(tenant), value, lifetime_milliseconds, self._max_tenant_bytes, holder)
        own_keys = (*index_keys(tenant), key.lease_key, key.redis_key)
        outcome = await self._try_to_write(tenant, own_keys, arguments)
        evicted = outcome.evicted
        if outcome.status == NOT_YET:
            # One after the other: of many that want the same room, each would make all others ask again.
            async with self._turns[tenant]:
                while outcome.status == NOT_YET:
                    outcome = await self._try_to_write(tenant, own_keys, arguments)
                    evicted += outcome.evicted
        if outcome.status == TOO_LARGE:
            return TOO_LARGE
        if lease is not None:
            lease.held = False
        self._redis.post("ZADD", TENANTS, "GT", int(time.time() * 1000) + lifetime_milliseconds, tenant)
        return evicted

    async def _try_to_write(self, tenant: str, own_keys: Sequence[str], arguments: Sequence[Argument]) -> Outcome:
        """With those that have to leave among the keys, as far as this process knows them."""
        prefix = tenant_prefix(tenant).encode()
        keys = (*own_keys, *(prefix + name for name in self._oldest[tenant]))
        outcome = Outcome.of(await self._redis.run_script(STORE_ITEM, keys, arguments, STORE_SECONDS))
        self._oldest[tenant] = outcome.names
        return outcome

    def forget(self, key: ItemKey) -> None:
        """Delete the item, some time soon."""
        tenant = key.scope.tenant
        self._redis.post_script(FORGET_ITEMS, (*index_keys(tenant), key.redis_key), (tenant_prefix(tenant),))
