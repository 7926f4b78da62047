"""Engines that do not answer, or say that they are well but do nothing, get no requests."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from moorage_serving.gateway.errors import GatewayError
from moorage_serving.gateway.upstream.connections import ConnectError
from moorage_serving.gateway.upstream.monitor import Monitor
from tests.gateway.fake_engine import FakeEngine

from .harbour import Harbour, ask, call, eventually, read_all

if TYPE_CHECKING:
    from collections.abc import Mapping

    from moorage_serving.gateway.upstream.transport import EngineAnswer
    from moorage_serving.gateway.upstream.upstream import Upstream

pytestmark = pytest.mark.anyio
QUICK_SECONDS = 0.05


class Watched:
    """An endpoint with a monitor that is in more of a hurry than the usual one."""

    def __init__(self, upstream: Upstream, stall_seconds: float = 60.0) -> None:
        self.endpoint = upstream.endpoints[0]
        self.changes = 0
        # The usual one would interfere: its clock for progress is another.
        upstream._monitors[self.endpoint].cancel()
        monitor = Monitor(self.endpoint, self._changed, probe_seconds=QUICK_SECONDS, stall_seconds=stall_seconds)
        upstream._monitors[self.endpoint] = asyncio.create_task(monitor.run())

    def _changed(self) -> None:
        self.changes += 1


async def test_an_engine_that_is_not_well_gets_no_requests_until_it_is() -> None:
    async with Harbour() as harbour:
        engine, address = await harbour.engine()
        upstream = harbour.upstream("e", address)
        watched, route = Watched(upstream), harbour.route(upstream)
        assert (await ask(route))[0] == "e"
        engine.healthy = False
        await eventually(lambda: watched.endpoint.problem == "/health answered 500")
        with pytest.raises(GatewayError) as refused:
            await route.open(call())
        assert refused.value.code == "upstream_unreachable"
        engine.healthy = True
        await eventually(lambda: watched.endpoint.is_up)
        assert (await ask(route))[0] == "e"
        assert watched.changes == 2


async def test_an_engine_that_says_it_is_well_but_moves_no_token_gets_no_requests() -> None:
    async with Harbour() as harbour:
        engine, address = await harbour.engine()
        upstream = harbour.upstream("e", address)
        watched, route = Watched(upstream, stall_seconds=0.5), harbour.route(upstream)
        stuck = await route.open(call(fault="stall", tokens=2))
        await eventually(lambda: watched.endpoint.problem == "no token has moved")
        assert engine.healthy
        with pytest.raises(GatewayError):
            await route.open(call())
        stuck.close(failed=True)
        await eventually(lambda: watched.endpoint.is_up)
        assert (await ask(route))[0] == "e"


@pytest.mark.long
async def test_an_engine_that_is_slow_but_moves_is_well() -> None:
    async with Harbour() as harbour:
        _, address = await harbour.engine()
        upstream = harbour.upstream("e", address)
        watched, route = Watched(upstream, stall_seconds=4.0), harbour.route(upstream)
        await read_all(await route.open(call(tokens=12, inter_token_seconds=0.5)))
        assert watched.changes == 0


async def test_an_engine_without_metrics_is_judged_by_its_health_alone() -> None:
    async with Harbour() as harbour:
        engine, address = await harbour.engine()
        engine.has_metrics = False
        upstream = harbour.upstream("e", address)
        watched, route = Watched(upstream, stall_seconds=0.2), harbour.route(upstream)
        opened = await route.open(call(fault="stall", tokens=2))
        await asyncio.sleep(1.0)
        assert watched.endpoint.is_up
        opened.close()


async def test_a_request_that_finds_nobody_does_not_wait_for_the_next_probe_to_warn_others() -> None:
    async with Harbour() as harbour:
        engine, address = await harbour.engine()
        upstream = harbour.upstream("e", address)
        route = harbour.route(upstream)
        assert (await ask(route))[0] == "e"
        await engine.stop()
        with pytest.raises(GatewayError):
            await route.open(call())
        assert not route.endpoints[0].is_up


class CloudFrontDoor:
    """A transport that is no engine of its own, as SageMaker's and Vertex AI's."""

    busy_connections = idle_connections = 0

    def __init__(self) -> None:
        self.probes = 0
        self.problem: str | None = None

    async def send(self, path: str, body: bytes, headers: Mapping[str, str]) -> EngineAnswer:
        raise ConnectError("nobody")

    async def probe(self, timeout_seconds: float) -> str | None:
        self.probes += 1
        if self.problem == "unheard of":
            raise RuntimeError(self.problem)
        return self.problem

    async def close(self) -> None:
        """Nothing is open."""


async def test_a_cloud_is_probed_only_while_it_is_suspected() -> None:
    async with Harbour() as harbour:
        _, address = await harbour.engine()
        upstream = harbour.upstream("e", address)
        door = CloudFrontDoor()
        await upstream.endpoints[0].transport.close()
        upstream.endpoints[0].transport = door
        watched, route = Watched(upstream), harbour.route(upstream)
        await asyncio.sleep(5 * QUICK_SECONDS)
        assert door.probes == 0
        door.problem = "asleep"
        with pytest.raises(GatewayError):
            await route.open(call())
        await eventually(lambda: door.probes >= 3)
        assert not watched.endpoint.is_up
        door.problem = None
        await eventually(lambda: watched.endpoint.is_up)
        probes = door.probes
        await asyncio.sleep(5 * QUICK_SECONDS)
        assert door.probes == probes


async def test_a_probe_that_fails_in_a_way_nobody_thought_of_is_not_the_last() -> None:
    async with Harbour() as harbour:
        _, address = await harbour.engine()
        upstream = harbour.upstream("e", address)
        door = CloudFrontDoor()
        await upstream.endpoints[0].transport.close()
        upstream.endpoints[0].transport = door
        watched = Watched(upstream)
        door.problem = "unheard of"
        watched.endpoint.suspected()
        await eventually(lambda: door.probes >= 2)
        door.problem = None
        await eventually(lambda: watched.endpoint.is_up)


async def test_an_engine_that_comes_back_is_found_by_itself() -> None:
    async with Harbour() as harbour:
        engine, address = await harbour.engine()
        upstream = harbour.upstream("e", address)
        watched, route = Watched(upstream), harbour.route(upstream)
        await engine.stop()
        await eventually(lambda: not watched.endpoint.is_up)
        again = FakeEngine()
        await again.start(port=int(address.rpartition(":")[2]))
        try:
            await eventually(lambda: watched.endpoint.is_up)
            assert (await ask(route))[0] == "e"
        finally:
            await again.stop()
