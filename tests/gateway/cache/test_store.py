"""What a tenant keeps is bounded, exactly counted, and leaves nothing behind."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from moorage_serving.gateway.cache.key import Scope, tenant_prefix
from moorage_serving.gateway.cache.store import CacheStore, ItemKey, index_keys
from moorage_serving.gateway.redis_scripts import PAGE_ITEMS

if TYPE_CHECKING:
    from moorage_serving.gateway.config.tenants import TenantConfig
    from moorage_serving.gateway.redis_link import RedisLink
    from tests.gateway.redis_process import RedisProcess

pytestmark = pytest.mark.anyio


MANY = PAGE_ITEMS + 100


class Kept:
    """One tenant's items as Redis has them."""

    def __init__(self, link: RedisLink, server: RedisProcess, tenant: TenantConfig, most: int = 10_000) -> None:
        self.store = CacheStore(link, ttl_seconds=60, max_tenant_bytes=most)
        self.client = server.client
        self.tenant = tenant.id
        self.most = most

    def key(self, name: str, revision: str = "r1") -> ItemKey:
        return ItemKey(Scope(self.tenant, revision), name)

    def items(self) -> set[str]:
        prefix = tenant_prefix(self.tenant)
        names = {str(name) for name in self.client.keys(f"{prefix}*")}  # type: ignore[union-attr]
        return {name.removeprefix(prefix) for name in names - set(index_keys(self.tenant))}

    def check(self) -> None:
        """Items, index and sum agree, and the sum is within the limit."""
        expiries, sizes = index_keys(self.tenant)
        counted = {str(name): int(size) for name, size in self.client.hgetall(sizes).items()}  # type: ignore[union-attr]
        total = counted.pop("", 0)
        items = self.items()
        assert set(self.client.zrange(expiries, 0, -1)) == set(counted) == items  # type: ignore[arg-type]
        assert sum(counted.values()) == total <= self.most
        prefix = tenant_prefix(self.tenant)
        values = sum(self.client.strlen(prefix + item) for item in items)  # type: ignore[misc]
        assert values == total - sum(len(prefix) + len(item) for item in items)


@pytest.fixture
def kept(link: RedisLink, server: RedisProcess, tenant: TenantConfig) -> Kept:
    return Kept(link, server, tenant)


async def test_an_item_comes_back_and_goes(kept: Kept) -> None:
    key = kept.key("a")
    assert await kept.store.read(key) is None
    assert await kept.store.write(key, b"value") == 0
    assert await kept.store.read(key) == b"value"
    assert await kept.store.read_all([key, kept.key("b")]) == [b"value", None]
    kept.check()
    kept.store.forget(key)
    assert await kept.store.read(key) is None
    kept.check()


async def test_the_oldest_leave_for_a_new_one(kept: Kept) -> None:
    for number in range(10):
        assert await kept.store.write(kept.key(str(number)), b"." * 900) == 0
        await asyncio.sleep(0.002)  # items of one millisecond have no order
    await kept.store.write(kept.key("0"), b"," * 900)  # the newest again
    assert await kept.store.write(kept.key("new"), b"." * 900) == 1
    assert kept.items() == {f"r1:{name}" for name in ("0", *"23456789", "new")}
    assert await kept.store.write(kept.key("large"), b"." * 5000) >= 5
    kept.check()


async def test_more_leave_for_a_large_one_than_one_call_names(
    link: RedisLink, server: RedisProcess, tenant: TenantConfig
) -> None:
    kept = Kept(link, server, tenant, most=100_000)
    await asyncio.gather(*(kept.store.write(kept.key(str(number)), b".") for number in range(MANY)))
    assert len(kept.items()) == MANY
    assert await kept.store.write(kept.key("large"), b"." * 99_900) == MANY
    assert kept.items() == {"r1:large"}
    kept.check()


async def test_what_is_larger_than_all_is_refused_and_nobody_leaves_for_it(kept: Kept) -> None:
    await kept.store.write(kept.key("a"), b"small")
    assert await kept.store.write(kept.key("b"), b"." * 10_000) == -1
    assert kept.items() == {"r1:a"}
    kept.check()


async def test_what_expired_leaves_the_index_and_an_idle_tenant_leaves_nothing(
    link: RedisLink, server: RedisProcess, tenant: TenantConfig
) -> None:
    short = Kept(link, server, tenant)
    short.store = CacheStore(link, ttl_seconds=1, max_tenant_bytes=10_000)
    for number in range(20):
        await short.store.write(short.key(str(number)), b"x")
    await asyncio.sleep(1.2)
    assert server.client.exists(*index_keys(tenant.id)) == 0
    await Kept(link, server, tenant).store.write(short.key("long"), b"x")
    for number in range(20):
        await short.store.write(short.key(str(number)), b"x")
    await asyncio.sleep(1.2)
    await short.store.write(short.key("another"), b"x")
    assert short.items() == {"r1:long", "r1:another"}
    short.check()
    assert server.client.ttl(index_keys(tenant.id)[0]) > 30  # type: ignore[operator]


@pytest.mark.parametrize("half", [0, 1])
@pytest.mark.parametrize("damage", ["evicted", "overwritten"])
async def test_an_index_that_lost_a_half_keeps_nothing_that_it_does_not_count(
    kept: Kept, half: int, damage: str
) -> None:
    for name in "abc":
        await kept.store.write(kept.key(name), b"x")
    kept.client.delete(index_keys(kept.tenant)[half])
    if damage == "overwritten":
        kept.client.set(index_keys(kept.tenant)[half], "garbage")
    await kept.store.write(kept.key("b"), b"y")
    assert kept.items() == {"r1:b"}
    assert await kept.store.read(kept.key("b")) == b"y"
    kept.check()


@pytest.mark.parametrize("half", [0, 1])
async def test_half_an_index_of_more_than_one_call_names(
    link: RedisLink, server: RedisProcess, tenant: TenantConfig, half: int
) -> None:
    kept = Kept(link, server, tenant, most=100_000)
    await asyncio.gather(*(kept.store.write(kept.key(str(number)), b".") for number in range(MANY)))
    kept.client.delete(index_keys(kept.tenant)[half])
    await kept.store.write(kept.key("b"), b"y")
    assert kept.items() == {"r1:b"}
    kept.check()


async def test_an_index_that_is_gone_starts_anew(kept: Kept) -> None:
    await kept.store.write(kept.key("a"), b"x")
    kept.client.delete(*index_keys(kept.tenant))
    await kept.store.write(kept.key("a"), b"y")
    kept.check()


async def test_an_item_of_another_kind_is_overwritten(kept: Kept) -> None:
    key = kept.key("a")
    kept.client.lpush(key.redis_key, "garbage")
    await kept.store.write(key, b"y")
    assert await kept.store.read(key) == b"y"


async def test_many_at_once_never_pass_the_limit(kept: Kept) -> None:
    await asyncio.gather(*(kept.store.write(kept.key(str(number)), b"." * (number * 7 % 900)) for number in range(500)))
    kept.check()


STEPS = st.lists(
    st.tuples(st.sampled_from(["write", "write", "write", "forget"]), st.integers(0, 9), st.integers(0, 1500)),
    max_size=40,
)


async def test_index_and_items_agree_whatever_happens(kept: Kept) -> None:
    """The limit is met after every step, so that evictions are among what happens."""
    loop = asyncio.get_running_loop()

    @settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(STEPS)
    def check(steps: list[tuple[str, int, int]]) -> None:
        async def run() -> None:
            kept.most = 3000
            store = CacheStore(kept.store._redis, ttl_seconds=60, max_tenant_bytes=3000)
            for step, name, size in steps:
                if step == "write":
                    await store.write(kept.key(str(name)), b"." * size)
                else:
                    store.forget(kept.key(str(name)))
            await store.read(kept.key("any"))  # what was only posted has run before this is answered
            kept.check()

        asyncio.run_coroutine_threadsafe(run(), loop).result(60)

    await kept.store.write(kept.key("first"), b"x")
    kept.store.forget(kept.key("first"))
    await asyncio.to_thread(check)
