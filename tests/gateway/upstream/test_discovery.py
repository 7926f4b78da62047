"""Every address behind a host name is an endpoint: those that join get requests, those that leave finish theirs."""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING

import pytest

from moorage_serving.gateway.config.serving import Timeouts
from moorage_serving.gateway.config.upstreams import OpenAIHttpUpstreamConfig
from moorage_serving.gateway.upstream.discovery import host_and_port, resolve
from moorage_serving.gateway.upstream.upstream import Upstream
from tests.gateway.fake_engine import FakeEngine

from .harbour import Harbour, ask, call, eventually, read_all

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

pytestmark = pytest.mark.anyio
HOST = "engines.example"
QUICK_SECONDS = 0.05


class NameServer:
    """Answers for the host with whatever addresses it has at the moment."""

    def __init__(self, *addresses: str) -> None:
        self.addresses = list(addresses)
        self.works = True

    async def resolve(self, host: str, port: int) -> list[str]:
        assert host == HOST
        if not self.works:
            raise socket.gaierror(socket.EAI_AGAIN, "try again")
        return sorted(self.addresses)


class Pods:
    """Engines at addresses of their own, all on the same port."""

    def __init__(self) -> None:
        self.engines: dict[str, FakeEngine] = {}
        self.port = 0

    async def start(self, address: str) -> None:
        engine = FakeEngine()
        self.port = int((await engine.start(host=address, port=self.port)).rpartition(":")[2])
        self.engines[address] = engine


@pytest.fixture
async def pods() -> AsyncIterator[Pods]:
    pods = Pods()
    for number in (2, 3, 4):
        await pods.start(f"127.0.0.{number}")
    yield pods
    for engine in pods.engines.values():
        await engine.stop()


def discovered(pods: Pods, names: NameServer) -> Upstream:
    config = OpenAIHttpUpstreamConfig(
        name="pods", kind="openai-http", address=f"http://{HOST}:{pods.port}", model="m", revision="r", discovery="dns"
    )
    return Upstream(config, Timeouts(), resolve=names.resolve, resolve_seconds=QUICK_SECONDS)


async def test_every_address_gets_its_share(pods: Pods) -> None:
    names = NameServer(*pods.engines)
    upstream = discovered(pods, names)
    async with Harbour() as harbour:
        route = harbour.route(upstream)
        await eventually(lambda: len(route.endpoints) == 3)
        opened = await asyncio.gather(*(route.open(call(tokens=2, inter_token_seconds=5)) for _ in range(12)))
        assert [engine.counters.running for engine in pods.engines.values()] == [4, 4, 4]
        assert all(engine.received[0].headers["host"] == f"{HOST}:{pods.port}" for engine in pods.engines.values())
        assert {answer.endpoint.name for answer in opened} == {"pods"}, "addresses are no label of a metric"
        for answer in opened:
            answer.close()
    await upstream.close()


async def test_one_that_joins_gets_requests_and_one_that_leaves_finishes_its_own(pods: Pods) -> None:
    names = NameServer("127.0.0.2")
    upstream = discovered(pods, names)
    async with Harbour() as harbour:
        route = harbour.route(upstream)
        await eventually(lambda: len(route.endpoints) == 1)
        stream = await route.open(call(tokens=5, inter_token_seconds=0.2))
        names.addresses = ["127.0.0.3"]
        await eventually(lambda: [e.unique_name for e in route.endpoints] == ["pods/127.0.0.3"])
        await ask(route)
        assert pods.engines["127.0.0.3"].counters.requests == 1
        assert pods.engines["127.0.0.2"].counters.requests == 1
        assert upstream.in_flight == 1
        assert (await read_all(stream)).endswith(b"data: [DONE]\n\n")
        await eventually(lambda: pods.engines["127.0.0.2"].counters.connections == 0)
        assert upstream.in_flight == 0
    await upstream.close()


async def test_a_name_server_that_is_down_takes_no_engine_away(pods: Pods) -> None:
    names = NameServer(*pods.engines)
    upstream = discovered(pods, names)
    async with Harbour() as harbour:
        route = harbour.route(upstream)
        await eventually(lambda: len(route.endpoints) == 3)
        names.works = False
        await asyncio.sleep(5 * QUICK_SECONDS)
        assert len(route.endpoints) == 3
        await ask(route)
    await upstream.close()


async def test_addresses_that_stay_keep_their_connections(pods: Pods) -> None:
    names = NameServer("127.0.0.2")
    upstream = discovered(pods, names)
    async with Harbour() as harbour:
        route = harbour.route(upstream)
        await eventually(lambda: len(route.endpoints) == 1)
        stayed = route.endpoints[0]
        names.addresses.append("127.0.0.3")
        await eventually(lambda: len(route.endpoints) == 2)
        assert stayed in route.endpoints
    await upstream.close()


async def test_the_system_resolves_names() -> None:
    addresses = await resolve("localhost", 80)
    assert "127.0.0.1" in addresses
    assert addresses == sorted(set(addresses))


async def test_a_name_that_is_nowhere_is_an_error() -> None:
    with pytest.raises(OSError, match=r".+"):
        await resolve("a..b", 80)


@pytest.mark.parametrize(
    ("address", "expected"),
    [("http://engines:8000", ("engines", 8000)), ("https://engines", ("engines", 443)), ("http://[::1]:9", ("::1", 9))],
)
async def test_host_and_port_of_an_address(address: str, expected: tuple[str, int]) -> None:
    assert host_and_port(address) == expected
