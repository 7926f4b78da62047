"""Where answers are kept: Redis, with a lifetime and an upper size per tenant.

Keys of one tenant, who stands in braces so that a Redis Cluster keeps them together:

- `moorage:cache:v1:{tenant}:REVISION:NAME`: one item, an answer or a list of similar questions, with its lifetime.
- `moorage:cache:v1:{tenant}:REVISION:NAME:lease`: while an answer is under way, which process gets it.
- `moorage:cache:v1:{tenant}:expiries`: sorted set of all items by the Unix millisecond they end at.
- `moorage:cache:v1:{tenant}:sizes`: hash of their bytes; the field of no name is the sum.

And `moorage:cache:v1:tenants`: sorted set of tenants by the Unix millisecond their last item ends at.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple

from moorage_serving.gateway.cache.key import revision_prefix, tenant_prefix
from moorage_serving.gateway.redis_calls import Script

if TYPE_CHECKING:
    from collections.abc import Sequence

    from moorage_serving.gateway.cache.key import Scope
    from moorage_serving.gateway.cache.lease import Lease
    from moorage_serving.gateway.redis_link import RedisLink

TENANTS = "moorage:cache:v1:tenants"
LOOKUP_SECONDS = 0.005
STORE_SECONDS = 1.0  # nobody waits for it
FORGET = """
local prefix, expiries, sizes = ARGV[1], KEYS[1], KEYS[2]
local function unlist(item)
  local size = redis.call('HGET', sizes, item)
  if size then
    redis.call('HDEL', sizes, item)
    redis.call('HINCRBY', sizes, '', -size)
  end
  redis.call('ZREM', expiries, item)
end
local function forget(item)
  local was_there = redis.call('UNLINK', prefix .. item)
  unlist(item)
  return was_there
end
"""
# ARGV: prefix, item... Answers how many of them were there.
FORGET_ITEMS = Script(
    FORGET
    + """
local count = 0
for index = 2, #ARGV do count = count + forget(ARGV[index]) end
return count
"""
)
# KEYS: the index, the item's lease. ARGV: prefix, item, value, lifetime in milliseconds, greatest sum of bytes, and who
# holds the lease, which ends with the storing: nobody else finds neither of them.
# Answers how many items were evicted, -1 when the value alone is too large.
# SET comes before all that writes: a Redis without memory refuses a script's first write, and no later one.
# The index heals itself: what expired leaves it (100 at a time, more than one call can add), and it ends with its last
# item. When one half of it was evicted or damaged, all that the other half knows of is deleted, so that nothing is kept
# that is not counted. When both are gone, what they knew of ends with its lifetime.
STORE_ITEM = Script(
    FORGET
    + """
local item, value, lifetime, most = ARGV[2], ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5])
local kinds = {redis.call('TYPE', expiries).ok, redis.call('TYPE', sizes).ok}
if table.concat(kinds, ' ') ~= 'zset hash' and table.concat(kinds, ' ') ~= 'none none' then
  local known = kinds[1] == 'zset' and redis.call('ZRANGE', expiries, 0, -1)
    or kinds[2] == 'hash' and redis.call('HKEYS', sizes) or {}
  for _, each in ipairs(known) do redis.call('UNLINK', prefix .. each) end
  redis.call('DEL', expiries, sizes)
end
local size = #value + #prefix + #item
if size > most then
  forget(item)
  return -1
end
redis.call('SET', prefix .. item, value, 'PX', lifetime)
unlist(item)
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
for _, expired in ipairs(redis.call('ZRANGEBYSCORE', expiries, '-inf', now, 'LIMIT', 0, 100)) do forget(expired) end
local evicted = 0
while tonumber(redis.call('HGET', sizes, '') or 0) + size > most do
  forget(redis.call('ZRANGE', expiries, 0, 0)[1])
  evicted = evicted + 1
end
redis.call('HSET', sizes, item, size)
redis.call('HINCRBY', sizes, '', size)
redis.call('ZADD', expiries, now + lifetime, item)
local last = tonumber(redis.call('ZRANGE', expiries, -1, -1, 'WITHSCORES')[2])
redis.call('PEXPIREAT', expiries, last)
redis.call('PEXPIREAT', sizes, last)
if ARGV[6] ~= '' and redis.pcall('GET', KEYS[3]) == ARGV[6] then redis.call('DEL', KEYS[3]) end
return evicted
"""
)


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
        return tenant_prefix(self.scope.tenant) + self.item

    @property
    def lease_key(self) -> str:
        return f"{self.redis_key}:lease"


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
        arguments = (tenant_prefix(tenant), key.item, value, lifetime_milliseconds, self._max_tenant_bytes, holder)
        keys = (*index_keys(tenant), key.lease_key)
        evicted = await self._redis.run_script(STORE_ITEM, keys, arguments, STORE_SECONDS)
        if lease is not None and evicted != -1:
            lease.held = False
        self._redis.post("ZADD", TENANTS, "GT", int(time.time() * 1000) + lifetime_milliseconds, tenant)
        return evicted if isinstance(evicted, int) else 0

    def forget(self, key: ItemKey) -> None:
        """Delete the item, some time soon."""
        tenant = key.scope.tenant
        self._redis.post_script(FORGET_ITEMS, index_keys(tenant), (tenant_prefix(tenant), key.item))
