"""Whatever engines and clients do at the same time: answers belong to their requests, and nothing is left behind."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
import uvloop
from hypothesis import given, settings
from hypothesis import strategies as st

from moorage_serving.gateway.errors import GatewayError

from .harbour import DEAD_ADDRESS, Harbour, call, eventually, is_at_rest, read_all

if TYPE_CHECKING:
    from moorage_serving.gateway.upstream.route import Route

ENGINES = 3
FAULTS: list[dict[str, Any]] = [
    {},
    {"status": 500},
    {"status": 503},
    {"fault": "reset_before_headers"},
    {"fault": "stall_before_headers"},
    {"fault": "stall_after_headers"},
    {"fault": "reset"},
    {"fault": "truncate"},
    {"time_to_first_token_seconds": 0.05},
    {"inter_token_seconds": 0.02},
]


@dataclass(frozen=True)
class Client:
    """Asks after a while, and may leave."""

    asks_after_seconds: float
    leaves_after_seconds: float | None
    stream: bool
    talk: int | None


clients = st.lists(
    st.builds(
        Client,
        st.floats(0, 0.2),
        st.none() | st.floats(0, 0.2),
        st.booleans(),
        st.none() | st.integers(0, 2),
    ),
    min_size=1,
    max_size=12,
)
# What each engine does, one thing after another.
faults = st.lists(st.lists(st.sampled_from(FAULTS), min_size=1, max_size=4), min_size=ENGINES, max_size=ENGINES)


@pytest.mark.long
@settings(max_examples=25, deadline=None)
@given(clients, faults, st.none() | st.integers(1, 3), st.booleans())
def test_nothing_is_left_behind(
    clients: list[Client], faults: list[list[dict[str, Any]]], limit: int | None, hedges: bool
) -> None:
    uvloop.run(serve(clients, faults, limit, hedge_after_seconds=0.03 if hedges else None))


async def serve(
    clients: list[Client],
    faults: list[list[dict[str, Any]]],
    limit: int | None,
    hedge_after_seconds: float | None,
) -> None:
    async with Harbour() as harbour:
        engines, upstreams = await harbour.pool(ENGINES, max_concurrent_requests=limit)
        gone = harbour.upstream("gone", DEAD_ADDRESS, pool="all")
        route = harbour.route(gone, *upstreams, hedge_after_seconds=hedge_after_seconds)
        moods = [asyncio.create_task(change(engine.program, one)) for engine, one in zip(engines, faults, strict=True)]
        await asyncio.gather(*(behave(route, number, client) for number, client in enumerate(clients)))
        for mood in moods:
            mood.cancel()
        for endpoint in route.endpoints:
            assert endpoint.in_flight == 0
        await eventually(lambda: all(is_at_rest(endpoint) for endpoint in route.endpoints))
        await eventually(lambda: all(engine.counters.running == 0 for engine in engines))


async def change(program: dict[str, Any], moods: list[dict[str, Any]]) -> None:
    for mood in moods:
        program.clear()
        program.update(mood)
        await asyncio.sleep(0.05)


async def behave(route: Route, number: int, client: Client) -> None:
    await asyncio.sleep(client.asks_after_seconds)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(client.leaves_after_seconds):
            await ask(route, number, client)


async def ask(route: Route, number: int, client: Client) -> None:
    nonce = f"nonce-{number}-nonce"
    engine_call = call(nonce, stream=client.stream, talk=client.talk, first_byte_seconds=0.15)
    try:
        opened = await route.open(engine_call)
    except GatewayError as error:
        assert error.code in {"overloaded", "upstream_unreachable", "upstream_failed", "upstream_timeout"}  # noqa: PT017
        return
    good = opened.status == 200
    try:
        async with asyncio.timeout(0.5):
            body = await read_all(opened)
    except (aiohttp.ClientError, TimeoutError):
        return
    assert not good or (nonce.encode() in body and body.count(b"nonce-") == 1)
