"""One Redis server for all tests that do not harm it; every test has a tenant of its own."""

from __future__ import annotations

import uuid
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest
from prometheus_client import CollectorRegistry

from moorage_serving.gateway import redis_link
from moorage_serving.gateway.cache import shared_flights
from moorage_serving.gateway.config.tenants import TenantConfig
from moorage_serving.gateway.redis_link import RedisLink, RedisMetrics
from tests.gateway.redis_process import RedisProcess

from .answers import PATIENCE_SECONDS, Cached
from .pair import Pair

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Sequence

    from moorage_serving.gateway.redis_calls import Argument, Reply, Script


@pytest.fixture(scope="session")
def server(redis_server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisProcess]:
    with RedisProcess(redis_server, tmp_path_factory.mktemp("redis") / "redis") as running:
        yield running


class PatientLink(RedisLink):
    """Waits for a reply as long as a busy machine takes; `test_redis_faults` is about those that do not come."""

    async def execute(self, *command: Argument, timeout_seconds: float = 0) -> Reply:
        return await super().execute(*command, timeout_seconds=max(timeout_seconds, PATIENCE_SECONDS))

    async def run_script(
        self, script: Script, keys: Sequence[Argument], args: Sequence[Argument], timeout_seconds: float
    ) -> Reply:
        return await super().run_script(script, keys, args, max(timeout_seconds, PATIENCE_SECONDS))


@pytest.fixture
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a busy machine neither Redis nor another process counts as gone: `test_lost_flights` is about that."""
    monkeypatch.setattr(redis_link, "STALL_SECONDS", PATIENCE_SECONDS)
    for silence in ("SILENCE_BEFORE_BEGINNING_SECONDS", "SILENCE_SECONDS"):
        monkeypatch.setattr(shared_flights, silence, PATIENCE_SECONDS)


@pytest.fixture
async def link(server: RedisProcess, patience: None) -> AsyncIterator[RedisLink]:
    async with patiently_linked(server) as opened:
        yield opened


@pytest.fixture
async def other_link(server: RedisProcess, patience: None) -> AsyncIterator[RedisLink]:
    """Of another process."""
    async with patiently_linked(server) as opened:
        yield opened


@asynccontextmanager
async def patiently_linked(server: RedisProcess) -> AsyncIterator[RedisLink]:
    opened = PatientLink(server.url, RedisMetrics(CollectorRegistry()))
    await opened.execute("PING")
    yield opened
    await Cached.close_all()
    await opened.close()


@pytest.fixture
def tenant() -> TenantConfig:
    return TenantConfig(id=f"tenant-{uuid.uuid4().hex}")


@pytest.fixture
async def pair(link: RedisLink, other_link: RedisLink, tenant: TenantConfig) -> Pair:
    return Pair(await Cached(link, tenant).shared(), await Cached(other_link, tenant).shared())
