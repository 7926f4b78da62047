"""Limits are counted in a real Redis, and by each process alone while there is none."""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest
from prometheus_client import CollectorRegistry

from moorage_serving.gateway import redis_link
from moorage_serving.gateway.config.tenants import TenantConfig
from moorage_serving.gateway.errors import GatewayError
from moorage_serving.gateway.quota import shared
from moorage_serving.gateway.quota.metrics import QuotaMetrics
from moorage_serving.gateway.quota.quotas import Quotas
from moorage_serving.gateway.redis_link import RedisLink, RedisMetrics

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from moorage_serving.gateway.quota.reservation import Reservation

    from .redis_process import RedisProcess

pytestmark = pytest.mark.anyio
PATIENCE_SECONDS = 20.0
KEYS = {what: f"moorage:quota:{{acme}}:{what}" for what in ("window", "month", "leases", "reservations")}


def be_patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy machine does not make this process count alone."""
    monkeypatch.setattr(shared, "TIMEOUT_SECONDS", PATIENCE_SECONDS)
    monkeypatch.setattr(redis_link, "STALL_SECONDS", PATIENCE_SECONDS)


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    be_patient(monkeypatch)


class Gateway:
    """The part of a gateway process that counts."""

    def __init__(self, link: RedisLink | None, processes: int, clock: Callable[[], float] | None) -> None:
        self.registry = CollectorRegistry()
        metrics = QuotaMetrics(self.registry)
        self.link = link
        self.quotas = Quotas(link, metrics) if clock is None else Quotas(link, metrics, clock)
        self.quotas.configure(gateway_replicas=processes, workers=1)

    async def let_through(self, tenant: TenantConfig, tokens: int = 0, most: int = 1000) -> list[Reservation]:
        """Requests until the first 429."""
        reservations: list[Reservation] = []
        while len(reservations) < most:
            try:
                reservations.append(await self.quotas.reserve(tenant, tokens))
            except GatewayError:
                break
        return reservations

    def metric(self, name: str, **labels: str) -> float | None:
        return self.registry.get_sample_value(f"moorage_gateway_quota_{name}", labels)


@asynccontextmanager
async def gateway(
    server: RedisProcess | None = None, *, processes: int = 1, clock: Callable[[], float] | None = None
) -> AsyncIterator[Gateway]:
    link = None if server is None else RedisLink(server.url, RedisMetrics(CollectorRegistry()))
    running = Gateway(link, processes, clock)
    try:
        yield running
    finally:
        await running.quotas.close()
        if link is not None:
            await link.close()


def tenant(**limits: int) -> TenantConfig:
    return TenantConfig(id="acme", **limits)


async def eventually(look: Callable[[], object]) -> None:
    async with asyncio.timeout(2 * PATIENCE_SECONDS):
        while not look():  # noqa: ASYNC110 - nothing tells when
            await asyncio.sleep(0.01)


async def refusal(running: Gateway, of: TenantConfig, tokens: int = 0) -> GatewayError:
    with pytest.raises(GatewayError) as caught:
        await running.quotas.reserve(of, tokens)
    return caught.value


@pytest.mark.usefixtures("patient")
async def test_a_tenant_without_limits_is_not_counted(server: RedisProcess) -> None:
    async with gateway(server) as running:
        first, second = [await running.quotas.reserve(tenant(), 1000) for _ in range(2)]
        assert first is second
        assert first.headers == ()
        first.settle(5)
        assert server.client.keys() == []


@pytest.mark.usefixtures("patient")
async def test_answers_and_refusals_carry_the_limits(server: RedisProcess) -> None:
    limited = tenant(requests_per_minute=2, tokens_per_minute=1000)
    async with gateway(server) as running:
        first = await running.quotas.reserve(limited, 300)
        headers = dict(first.headers)
        assert headers[b"x-ratelimit-limit-requests"] == b"2"
        assert headers[b"x-ratelimit-remaining-requests"] == b"1"
        assert headers[b"x-ratelimit-remaining-tokens"] == b"700"
        assert headers[b"x-ratelimit-reset-tokens"].startswith(b"1m")
        assert (await refusal(running, limited, 800)).type == "tokens"
        await running.quotas.reserve(limited, 700)
        error = await refusal(running, limited)
        assert (error.status, error.type, error.code) == (429, "requests", "rate_limit_exceeded")
        assert dict(error.headers)[b"x-ratelimit-remaining-requests"] == b"0"
        assert 1 <= int(dict(error.headers)[b"retry-after"]) <= 60
        assert running.metric("rejected_total", tenant="acme", reason="tokens") == 1
        assert running.metric("rejected_total", tenant="acme", reason="requests") == 1


@pytest.mark.usefixtures("patient")
async def test_what_a_request_did_not_need_comes_back_once(server: RedisProcess) -> None:
    limited = tenant(tokens_per_minute=1000, tokens_per_month=1000, concurrent_requests=1)
    async with gateway(server) as running:
        reservation = await running.quotas.reserve(limited, 900)
        assert (await refusal(running, limited, 1)).message.startswith("Rate limit reached on concurrent requests")
        reservation.settle(100)
        reservation.settle(100)
        (await running.quotas.reserve(limited, 900)).settle(900)
        error = await refusal(running, limited, 1)
        assert (error.type, error.code) == ("insufficient_quota", "insufficient_quota")
        assert server.client.hget(KEYS["window"], "tokens") == "1000"


@pytest.mark.usefixtures("patient")
async def test_what_a_request_used_beyond_its_guess_counts_too(server: RedisProcess) -> None:
    limited = tenant(tokens_per_minute=1000)
    async with gateway(server) as running:
        (await running.quotas.reserve(limited, 10)).settle(995)
        assert (await refusal(running, limited, 10)).type == "tokens"


@pytest.mark.usefixtures("patient")
async def test_a_reservation_whose_client_left_while_it_was_made_is_given_back(server: RedisProcess) -> None:
    limited = tenant(concurrent_requests=1, tokens_per_month=100)
    async with gateway(server) as running:
        for pause_seconds in (0.0, 0.0001, 0.001) * 20:
            request = asyncio.create_task(running.quotas.reserve(limited, 100))
            await asyncio.sleep(pause_seconds)
            request.cancel()
            for reservation in await asyncio.gather(request, return_exceptions=True):
                if not isinstance(reservation, BaseException):
                    reservation.settle(0)
        (await running.quotas.reserve(limited, 100)).settle(0)
        await eventually(lambda: server.client.hlen(KEYS["reservations"]) == 0)
        assert server.client.hget(KEYS["month"], "tokens") == "0"


@pytest.mark.usefixtures("patient")
async def test_every_key_expires_and_belongs_to_one_cluster_slot(server: RedisProcess) -> None:
    limits = tenant(requests_per_minute=9, tokens_per_minute=9, concurrent_requests=9, tokens_per_month=9)
    async with gateway(server) as running:
        await running.quotas.reserve(limits, 1)
        assert set(server.client.keys()) == set(KEYS.values())  # type: ignore[arg-type]
        assert server.client.ttl(KEYS["window"]) <= 120
        assert all(0 < server.client.ttl(key) <= 32 * 86_400 for key in KEYS.values())  # type: ignore[operator]


@pytest.mark.usefixtures("patient")
async def test_a_gateway_that_dies_gives_its_slots_back(server: RedisProcess) -> None:
    limited = tenant(concurrent_requests=2)
    async with gateway(server) as running:
        async with gateway(server) as dying:
            assert len(await dying.let_through(limited)) == 2
            await refusal(running, limited)
        # As if they had been taken so much earlier.
        for lease in server.client.zrange(KEYS["leases"], 0, -1):  # type: ignore[union-attr]
            server.client.zincrby(KEYS["leases"], -1000 * shared.LEASE_SECONDS, lease)
        assert len(await running.let_through(limited)) == 2


@pytest.mark.usefixtures("patient")
async def test_a_long_stream_keeps_its_slot(server: RedisProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared, "RENEWAL_SECONDS", 0.05)
    limited = tenant(concurrent_requests=1)
    async with gateway(server) as running:
        stream = await running.quotas.reserve(limited, 0)
        [(_, first)] = server.client.zrange(KEYS["leases"], 0, -1, withscores=True)  # type: ignore[misc]
        await eventually(lambda: server.client.zrange(KEYS["leases"], 0, -1, withscores=True)[0][1] > first)  # type: ignore[index]
        server.client.flushdb()  # a Redis that lost its data
        await eventually(lambda: server.client.zcard(KEYS["leases"]) == 1)
        await refusal(running, limited)
        stream.settle(0)
        await running.quotas.reserve(limited, 0)


async def test_without_redis_every_process_lets_its_part_through() -> None:
    async with gateway(processes=4) as running:
        assert running.metric("counted_locally") == 1
        assert len(await running.let_through(tenant(requests_per_minute=10))) == 2
    async with gateway(processes=4) as running:
        assert len(await running.let_through(tenant(tokens_per_minute=1000), tokens=60)) == 4
    async with gateway(processes=4) as running:
        assert len(await running.let_through(tenant(concurrent_requests=9))) == 2
    async with gateway(processes=4) as running:
        assert len(await running.let_through(tenant(tokens_per_month=1000), tokens=50)) == 5


async def test_without_redis_a_limit_below_the_number_of_processes_lets_one_through() -> None:
    async with gateway(processes=4) as running:
        assert len(await running.let_through(tenant(requests_per_minute=3))) == 1


async def test_without_redis_time_and_settling_free_what_was_taken() -> None:
    now = 1_790_000_000.5
    limited = tenant(requests_per_minute=3, tokens_per_minute=100, concurrent_requests=1, tokens_per_month=1000)
    async with gateway(clock=lambda: now) as running:
        (await running.quotas.reserve(limited, 100)).settle(40)
        reservation = await running.quotas.reserve(limited, 60)
        assert (await refusal(running, limited)).message.startswith("Rate limit reached on concurrent requests")
        reservation.settle(60)
        assert dict((await refusal(running, limited, 1)).headers)[b"retry-after"] == b"60"
        now += 60.4
        assert (await refusal(running, limited, 1)).type == "tokens"
        now += 0.1
        (await running.quotas.reserve(limited, 100)).settle(100)


async def test_a_redis_that_goes_away_hands_over_and_takes_over(server: RedisProcess) -> None:
    limited = tenant(requests_per_minute=12, tokens_per_month=1000, concurrent_requests=100)
    async with gateway(server, processes=4) as running:
        held = await counted_by_redis(running, limited, tokens=10, most=4)
        server.freeze()
        # 4 of 12 are used, as far as everybody knows: of this process's 3 one is used, and two are left.
        assert len(await running.let_through(limited, tokens=10)) == 2
        assert running.metric("counted_locally") == 1
        assert running.link is not None
        await eventually(lambda: running.link is not None and not running.link.available)
        assert (await refusal(running, limited)).type == "requests"
        for reservation in held:
            reservation.settle(10)
        server.thaw()
        await eventually(lambda: running.link is not None and running.link.available)
        await one_counted_by_redis(running, limited)


async def test_redis_learns_what_was_let_in_without_it(server: RedisProcess) -> None:
    limited = tenant(tokens_per_minute=1000, tokens_per_month=1000, concurrent_requests=10)
    async with gateway(server) as running:
        await one_counted_by_redis(running, limited)
        server.kill()
        link = running.link
        assert link is not None
        await eventually(lambda: not link.available)
        done, streaming = await running.let_through(limited, tokens=100, most=2)
        done.settle(70)
        server.start()
        for what in ("window", "month"):
            await eventually(lambda what=what: server.client.hget(KEYS[what], "tokens") == "170")
        assert server.client.zcard(KEYS["leases"]) == 1
        streaming.settle(50)
        for what in ("window", "month"):
            await eventually(lambda what=what: server.client.hget(KEYS[what], "tokens") == "120")
        assert server.client.zcard(KEYS["leases"]) == 0
        await one_counted_by_redis(running, limited)


async def test_a_window_that_is_over_is_not_counted_afterwards_but_its_month_is(server: RedisProcess) -> None:
    limited = tenant(tokens_per_minute=1000, tokens_per_month=1000)
    server.kill()
    async with gateway(server, clock=lambda: time.time() - 61) as running:
        assert running.link is not None
        (await running.quotas.reserve(limited, 100)).settle(100)
        server.start()
        await eventually(lambda: server.client.hget(KEYS["month"], "tokens") == "100")
        assert server.client.hget(KEYS["window"], "tokens") is None


async def test_an_answer_that_came_too_late_is_counted_once(server: RedisProcess) -> None:
    limited = tenant(requests_per_minute=100, tokens_per_minute=1000, concurrent_requests=10)
    async with gateway(server) as running:
        await one_counted_by_redis(running, limited)
        before = int(server.client.hget(KEYS["window"], "requests"))  # type: ignore[arg-type]
        server.freeze()
        try:
            reservations = [await running.quotas.reserve(limited, 100) for _ in range(5)]
        finally:
            server.thaw()
        assert running.metric("counted_locally") == 1
        await eventually(lambda: server.client.hget(KEYS["window"], "tokens") == "500")
        assert int(server.client.hget(KEYS["window"], "requests")) == before + 5  # type: ignore[arg-type]
        assert server.client.zcard(KEYS["leases"]) == 5
        for reservation in reservations:
            reservation.settle(10)
        await eventually(lambda: server.client.hget(KEYS["window"], "tokens") == "50")
        assert server.client.zcard(KEYS["leases"]) == 0


async def one_counted_by_redis(running: Gateway, of: TenantConfig) -> None:
    (reservation,) = await counted_by_redis(running, of, 0, 1)
    reservation.settle(0)


async def counted_by_redis(running: Gateway, of: TenantConfig, tokens: int, most: int) -> list[Reservation]:
    """Requests that Redis lets through, however long that takes."""
    with pytest.MonkeyPatch.context() as patience:
        be_patient(patience)
        reservations = await running.let_through(of, tokens, most)
    assert (len(reservations), running.metric("counted_locally")) == (most, 0)
    return reservations
