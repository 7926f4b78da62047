"""Another engine answers when one fails before the first byte, and never after it."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

from moorage_serving.gateway.errors import GatewayError
from moorage_serving.gateway.upstream import breaker
from moorage_serving.gateway.upstream.breaker import CONSECUTIVE_FAILURES

from .harbour import DEAD_ADDRESS, PATIENCE_SECONDS, Harbour, ask, call, eventually, is_at_rest, read_all

if TYPE_CHECKING:
    from moorage_serving.gateway.upstream.upstream import Upstream

pytestmark = pytest.mark.anyio
NO_FAULTS_OF_DOCUMENTS: list[dict[str, Any]] = [
    {"fault": "stall_after_headers"},
    {"fault": "reset", "tokens": 0},
    {"fault": "truncate", "tokens": 0},
]
FAULTS: list[dict[str, Any]] = [
    {"fault": "reset_before_headers"},
    {"fault": "malformed_headers"},
    {"fault": "stall_before_headers"},
    *NO_FAULTS_OF_DOCUMENTS,
    *({"status": status} for status in (429, 500, 502, 503, 504)),
]


async def two(harbour: Harbour, faults: dict[str, Any]) -> tuple[Upstream, Upstream]:
    """The first of which has a fault; the second is asked only when the first fails."""
    _, faulty = await harbour.engine(**faults)
    _, well = await harbour.engine()
    return harbour.upstream("faulty", faulty), harbour.upstream("well", well)


@pytest.mark.parametrize(
    ("faults", "stream"),
    [
        (faults, stream)
        for faults in FAULTS
        for stream in (True, False)
        if stream or faults not in NO_FAULTS_OF_DOCUMENTS
    ],
    ids=str,
)
async def test_the_next_engine_answers(faults: dict[str, Any], *, stream: bool) -> None:
    async with Harbour() as harbour:
        faulty, well = await two(harbour, faults)
        route = harbour.route(faulty, well)
        first_byte_seconds = 1.5 if "stall" in faults.get("fault", "") else PATIENCE_SECONDS
        name, body = await ask(route, call("my words", stream=stream, first_byte_seconds=first_byte_seconds))
        assert name == "well"
        assert body.count(b"my words") == 1
        assert harbour.count("failovers_total", upstream="well") == 1
        await eventually(lambda: all(is_at_rest(endpoint) for endpoint in route.endpoints))


async def test_an_engine_that_is_not_there_costs_no_try() -> None:
    async with Harbour() as harbour:
        gone = [harbour.upstream(f"gone-{number}", DEAD_ADDRESS) for number in range(5)]
        _, address = await harbour.engine()
        assert (await ask(harbour.route(*gone, harbour.upstream("well", address))))[0] == "well"


async def test_a_stream_that_has_begun_stays_with_its_engine() -> None:
    async with Harbour() as harbour:
        faulty, well = await two(harbour, {"fault": "reset", "tokens": 2})
        route = harbour.route(faulty, well)
        opened = await route.open(call())
        assert opened.endpoint.name == "faulty"
        with pytest.raises(aiohttp.ClientError):
            await read_all(opened)
        assert harbour.count("failovers_total", upstream="well") == 0
        await eventually(lambda: all(is_at_rest(endpoint) for endpoint in route.endpoints))


async def test_the_last_real_answer_is_passed_on_when_none_is_better() -> None:
    async with Harbour() as harbour:
        faulty, _ = await two(harbour, {"status": 500})
        _, worse = await harbour.engine(status=503, retry_after_seconds=7)
        route = harbour.route(faulty, harbour.upstream("busy", worse), harbour.upstream("gone", DEAD_ADDRESS))
        opened = await route.open(call())
        assert (opened.status, opened.endpoint.name) == (503, "busy")
        assert (b"retry-after", b"7") in [(name.lower(), value) for name, value in opened.headers]
        assert b"as told" in await read_all(opened)
        await eventually(lambda: all(is_at_rest(endpoint) for endpoint in route.endpoints))


@pytest.mark.parametrize("status", [400, 404, 422])
async def test_what_is_wrong_with_the_request_is_asked_of_one_engine_only(status: int) -> None:
    async with Harbour() as harbour:
        engines, upstreams = await harbour.pool(2)
        opened = await harbour.route(*upstreams).open(call(status=status))
        assert opened.status == status
        await read_all(opened)
        assert sum(engine.counters.requests for engine in engines) == 1


async def test_three_engines_at_most_begin_to_work_on_a_request() -> None:
    async with Harbour() as harbour:
        engines, upstreams = await harbour.pool(5)
        with pytest.raises(GatewayError) as failed:
            await harbour.route(*upstreams).open(call(fault="reset_before_headers", time_to_first_token_seconds=0.3))
        assert failed.value.code == "upstream_failed"
        assert sum(engine.counters.requests for engine in engines) == 3


async def test_after_silence_one_more_engine_is_asked() -> None:
    async with Harbour() as harbour:
        engines, upstreams = await harbour.pool(4)
        with pytest.raises(GatewayError) as failed:
            await harbour.route(*upstreams).open(call(fault="stall_before_headers", first_byte_seconds=1.0))
        assert failed.value.code == "upstream_timeout"
        assert sum(engine.counters.requests for engine in engines) == 2
        await eventually(lambda: sum(engine.counters.running for engine in engines) == 0)


async def test_requests_that_all_fail_are_not_multiplied_without_end() -> None:
    async with Harbour() as harbour:
        engines, upstreams = await harbour.pool(3)
        route = harbour.route(*upstreams)
        for _ in range(100):
            (await route.open(call(status=500))).close()
        assert sum(engine.counters.requests for engine in engines) <= 100 + 20 + 10


async def test_an_engine_that_keeps_failing_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    # Or else it is tried again while this test still asks, on a busy machine.
    monkeypatch.setattr(breaker, "FIRST_PAUSE_SECONDS", breaker.MAX_PAUSE_SECONDS)
    async with Harbour() as harbour:
        _, faulty = await harbour.engine(status=500)
        engine, well = await harbour.engine()
        route = harbour.route(harbour.upstream("faulty", faulty), harbour.upstream("well", well))
        for _ in range(CONSECUTIVE_FAILURES + 10):
            assert (await ask(route))[0] == "well"
        assert engine.counters.requests == CONSECUTIVE_FAILURES + 10
        assert harbour.count("failovers_total", upstream="well") == CONSECUTIVE_FAILURES


async def test_an_engine_that_is_well_again_gets_requests_again() -> None:
    async with Harbour() as harbour:
        first, address = await harbour.engine(status=500)
        _, other = await harbour.engine()
        route = harbour.route(harbour.upstream("first", address), harbour.upstream("second", other))
        for _ in range(CONSECUTIVE_FAILURES):
            assert (await ask(route))[0] == "second"
        first.program.clear()
        until = time.monotonic() + PATIENCE_SECONDS
        while (await ask(route))[0] != "first":
            assert time.monotonic() < until
            await asyncio.sleep(0.05)


async def test_a_single_engine_that_keeps_failing_is_tried_nevertheless() -> None:
    async with Harbour() as harbour:
        engine, address = await harbour.engine(status=500)
        route = harbour.route(harbour.upstream("only", address))
        for _ in range(CONSECUTIVE_FAILURES + 5):
            (await route.open(call())).close()
        engine.program.clear()
        assert (await ask(route))[0] == "only"


async def test_an_engine_that_says_when_to_come_back_is_left_alone_until_then() -> None:
    async with Harbour() as harbour:
        engine, address = await harbour.engine(status=503, retry_after_seconds=30)
        route = harbour.route(harbour.upstream("busy", address))
        opened = await route.open(call())
        assert opened.status == 503
        await read_all(opened)
        with pytest.raises(GatewayError) as refused:
            await route.open(call())
        assert refused.value.status == 503
        seconds = int(dict(refused.value.headers)[b"retry-after"])
        assert 15 <= seconds <= 31
        assert engine.counters.requests == 1


async def test_a_client_that_leaves_leaves_nothing_behind() -> None:
    async with Harbour() as harbour:
        engines, upstreams = await harbour.pool(2, max_concurrent_requests=4)
        route = harbour.route(*upstreams)
        asked = [asyncio.create_task(route.open(call(fault="stall_before_headers"))) for _ in range(8)]
        await eventually(lambda: sum(engine.counters.running for engine in engines) == 8)
        for task in asked:
            task.cancel()
        await asyncio.gather(*asked, return_exceptions=True)
        assert all(endpoint.in_flight == endpoint.load == 0 for endpoint in route.endpoints)
        assert all(endpoint.is_usable(time.monotonic()) for endpoint in route.endpoints)
        await eventually(lambda: sum(engine.counters.running for engine in engines) == 0)


async def test_closing_twice_gives_the_place_back_once() -> None:
    async with Harbour() as harbour:
        _, upstreams = await harbour.pool(1)
        route = harbour.route(*upstreams)
        opened = await route.open(call())
        opened.close()
        opened.close(failed=True)
        assert route.endpoints[0].in_flight == 0


async def test_nobody_there_is_said_at_once() -> None:
    async with Harbour() as harbour:
        with pytest.raises(GatewayError) as failed:
            await harbour.route(harbour.upstream("gone", DEAD_ADDRESS)).open(call())
        assert (failed.value.status, failed.value.code) == (503, "upstream_unreachable")
