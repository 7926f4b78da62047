"""An operator deletes what he named, after he was told how much it is."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from moorage_serving.gateway.cache.invalidation import Found, invalidate
from moorage_serving.gateway.cache.key import Scope
from moorage_serving.gateway.cache.response_cache import CacheResult
from moorage_serving.gateway.cache.store import CacheStore, ItemKey
from moorage_serving.gateway.config.tenants import TenantConfig
from moorage_serving.gateway.redis_scripts import PAGE_ITEMS
from tests.gateway.processes import DEAD_ADDRESS, document, upstream

from .answers import Cached, Engine, chat

if TYPE_CHECKING:
    from pathlib import Path

    from moorage_serving.gateway.redis_link import RedisLink
    from tests.gateway.redis_process import RedisProcess

pytestmark = pytest.mark.anyio
QUESTIONS = ("a", "b", "c")
REVISIONS = ("r1", "r1:x", "r2")


@pytest.fixture
async def cached(link: RedisLink, tenant: TenantConfig) -> Cached:
    """Every question, of every revision."""
    filled = Cached(link, tenant)
    for question in QUESTIONS:
        for revision in REVISIONS:
            await filled.ask_and_settle(Engine(), chat(question), revision=revision)
    return filled


async def kept(cached: Cached, tenant: TenantConfig | None = None) -> set[str]:
    """Revisions of which something is there. Asks with an engine that fails, so that nothing is added."""
    found: set[str] = set()
    for revision in REVISIONS:
        for question in QUESTIONS:
            result, _ = await cached.ask_and_settle(
                Engine(status=500), chat(question), revision=revision, tenant=tenant
            )
            if result is CacheResult.HIT:
                found.add(revision)
    return found


async def test_nothing_is_deleted_unless_it_is_said(cached: Cached, link: RedisLink) -> None:
    found = await invalidate(link, tenant=cached.tenant.id)
    assert found.items == 9
    assert found.bytes > 9 * len(Engine().pieces[0])
    assert await kept(cached) == set(REVISIONS)


async def test_a_tenant(cached: Cached, link: RedisLink) -> None:
    other = TenantConfig(id=f"{cached.tenant.id}-2")
    await cached.ask_and_settle(Engine(), chat("a"), revision="r1", tenant=other)
    assert await invalidate(link, tenant=cached.tenant.id, apply=True) == Found(9, pytest.approx(4000, rel=0.9))
    assert await invalidate(link, tenant=cached.tenant.id) == Found(0, 0)
    assert await kept(cached) == set()
    assert await kept(cached, other) == {"r1"}


async def test_a_revision_of_a_tenant(cached: Cached, link: RedisLink) -> None:
    assert (await invalidate(link, tenant=cached.tenant.id, revision="r1", apply=True)).items == 3
    assert await kept(cached) == {"r1:x", "r2"}


async def test_a_revision_of_every_tenant(cached: Cached, link: RedisLink) -> None:
    other = TenantConfig(id=f"{cached.tenant.id}-2")
    own = f"only-{cached.tenant.id}"
    for tenant in (cached.tenant, other):
        await cached.ask_and_settle(Engine(), chat("a"), revision=own, tenant=tenant)
    assert (await invalidate(link, revision=own)).items == 2
    assert (await invalidate(link, revision=own, apply=True)).items == 2
    assert (await invalidate(link, revision=own)).items == 0
    assert await kept(cached) == set(REVISIONS)


async def test_more_than_one_page(link: RedisLink, tenant: TenantConfig) -> None:
    store = CacheStore(link, ttl_seconds=60, max_tenant_bytes=10_000_000)
    count = 2 * PAGE_ITEMS + 7
    await asyncio.gather(*(store.write(ItemKey(Scope(tenant.id, "r"), str(number)), b"x") for number in range(count)))
    assert (await invalidate(link, tenant=tenant.id)).items == count
    assert (await invalidate(link, tenant=tenant.id, apply=True)).items == count
    assert (await invalidate(link, tenant=tenant.id)).items == 0


@pytest.fixture
def config(server: RedisProcess, tmp_path: Path) -> Path:
    path = tmp_path / "config.json"
    path.write_text(json.dumps(document(upstream("a", DEAD_ADDRESS), redis_url=server.url)))
    return path


async def test_the_command_counts_and_with_apply_deletes(cached: Cached, config: Path) -> None:
    arguments = ("--config", str(config), "--tenant", cached.tenant.id, "--revision", "r2")
    told = await asyncio.to_thread(command, *arguments)
    assert told.returncode == 0
    assert told.stdout.startswith("3 items, ")
    assert "nothing deleted" in told.stdout
    told = await asyncio.to_thread(command, *arguments, "--apply")
    assert told.stdout.startswith("3 items, ")
    assert await kept(cached) == {"r1", "r1:x"}


def test_the_command_wants_to_know_what(config: Path) -> None:
    told = command("--config", str(config))
    assert told.returncode == 2
    assert "--tenant" in told.stderr


def test_the_command_says_in_one_line_what_is_wrong(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_text(json.dumps(document(upstream("a", DEAD_ADDRESS), redis_url=f"unix://{tmp_path}/nowhere")))
    away = command("--config", str(path), "--tenant", "acme")
    path.write_text("{")
    wrong = command("--config", str(path), "--tenant", "acme")
    assert (away.returncode, wrong.returncode) == (1, 2)
    for told in (away, wrong):
        assert told.stderr.startswith("error: ")
        assert told.stderr.count("\n") == 1


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    program = "from moorage_serving.gateway.cache.command import command_line; command_line()"
    call = [sys.executable, "-c", program, "invalidate", *arguments]
    return subprocess.run(call, check=False, capture_output=True, text=True, timeout=60)
