"""Who asks the engine for an answer, among all processes that share a Redis.

Beside an item lies, while its answer is under way, a lease: the address of the flight that leads. It ends by itself
some seconds after the last renewal, so that it does not outlive its process.
"""

from __future__ import annotations

import asyncio
from enum import Enum
from typing import TYPE_CHECKING

from moorage_serving.gateway.cache.flight_messages import Address, parse_address
from moorage_serving.gateway.redis_calls import RedisUnavailableError, Script
from moorage_serving.gateway.redis_scripts import pages

if TYPE_CHECKING:
    from moorage_serving.gateway.cache.store import ItemKey
    from moorage_serving.gateway.redis_link import RedisLink

LEASE_SECONDS = 5.0
# KEYS: lease, item. ARGV: holder, milliseconds, a holder that is known to be lost, whether an item is in the way.
# Answers {holder} where another one leads, 1: leased, 2: the answer is there meanwhile, 0: Redis cannot keep a lease.
CLAIM = Script(
    """
if ARGV[4] == '1' and redis.call('EXISTS', KEYS[2]) == 1 then return 2 end
local holder = redis.pcall('GET', KEYS[1])
local leads = type(holder) == 'string' and holder ~= ARGV[3] and string.find(holder, '^%x+%.%d+$')
if leads then return {holder} end
local taken = redis.pcall('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return taken.ok and 1 or 0
"""
)
# KEYS: lease. ARGV: holder.
RELEASE = Script("if redis.pcall('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end")
# KEYS: leases of one tenant. ARGV: milliseconds, their holders. One that was lost, as when Redis lost its data, is
# taken again; one that another took stays his.
RENEW = Script(
    """
for index, lease in ipairs(KEYS) do
  local holder = redis.pcall('GET', lease)
  if not holder or holder == ARGV[index + 1] then redis.call('SET', lease, ARGV[index + 1], 'PX', ARGV[1]) end
end
"""
)


class Lease:
    """`held`: until it is released. The script that stores the answer releases it in the same step."""

    __slots__ = ("address", "held", "key")

    def __init__(self, key: ItemKey, address: Address) -> None:
        self.key = key
        self.address = address
        self.held = True


class NoLease(Enum):
    """Why nobody leads."""

    STORED = "the answer was stored meanwhile"
    UNAVAILABLE = "Redis does not say"


class Leases:
    """Those that this process holds."""

    def __init__(self, redis: RedisLink) -> None:
        self._redis = redis
        self._held: dict[Address, Lease] = {}

    def __len__(self) -> int:
        return len(self._held)

    async def claim(
        self, key: ItemKey, address: Address, lost: Address | None, *, unless_stored: bool, timeout_seconds: float
    ) -> Lease | Address | NoLease:
        """The lease, or who has it. `lost` has it no longer, whatever Redis says."""
        lost_text = "" if lost is None else lost.text
        arguments = (address.text, round(LEASE_SECONDS * 1000), lost_text, int(unless_stored))
        try:
            reply = await self._redis.run_script(CLAIM, (key.lease_key, key.redis_key), arguments, timeout_seconds)
        except RedisUnavailableError as error:
            if error.may_have_run:
                self._redis.post_script(RELEASE, (key.lease_key,), (address.text,))
            return NoLease.UNAVAILABLE
        except asyncio.CancelledError:
            self._redis.post_script(RELEASE, (key.lease_key,), (address.text,))
            raise
        match reply:
            case [bytes(holder)]:
                return parse_address(holder)
            case 1:
                lease = self._held[address] = Lease(key, address)
                return lease
            case 2:
                return NoLease.STORED
            case _:
                return NoLease.UNAVAILABLE

    def release(self, lease: Lease) -> None:
        """Once; for one that was released together with the storing, only forget it."""
        self._held.pop(lease.address, None)
        if lease.held:
            lease.held = False
            self._redis.post_script(RELEASE, (lease.key.lease_key,), (lease.address.text,))

    def renew(self) -> None:
        """To be called often within `LEASE_SECONDS`."""
        by_tenant: dict[str, list[Lease]] = {}
        for lease in self._held.values():
            if lease.held:
                by_tenant.setdefault(lease.key.scope.tenant, []).append(lease)
        for leases in by_tenant.values():
            for some in pages(leases):
                keys = tuple(lease.key.lease_key for lease in some)
                holders = (lease.address.text for lease in some)
                self._redis.post_script(RENEW, keys, (round(LEASE_SECONDS * 1000), *holders))
