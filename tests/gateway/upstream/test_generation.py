"""A reload keeps what did not change, and says when a route can take more or less."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from moorage_serving.gateway.config.file import LoadedConfig
from moorage_serving.gateway.config.gateway import GatewayConfig
from moorage_serving.gateway.config.tenants import TenantConfig
from moorage_serving.gateway.errors import GatewayError
from moorage_serving.gateway.upstream.generation import Generation
from moorage_serving.gateway.upstream.metrics import UpstreamMetrics
from tests.gateway.processes import document, upstream

from .harbour import DEAD_ADDRESS, Harbour, ask, call, eventually, read_all

pytestmark = pytest.mark.anyio
ANYBODY = TenantConfig(id="anybody")


def generation(*upstreams: dict[str, Any], before: Generation | None = None, **more: Any) -> Generation:
    config = GatewayConfig.model_validate_json(json.dumps(document(*upstreams, **more)))
    return Generation(LoadedConfig(config, ""), UpstreamMetrics(CollectorRegistry()), 1, before)


async def test_an_engine_that_did_not_change_keeps_connections_counts_and_verdicts() -> None:
    async with Harbour() as harbour:
        _, one = await harbour.engine()
        _, two = await harbour.engine()
        first = generation(upstream("kept", one), upstream("changed", two))
        running = await first.route_for("moored", ANYBODY).open(call(tokens=2, inter_token_seconds=5))
        second = generation(upstream("kept", one), upstream("changed", two, revision="r2"), before=first)
        kept, changed = zip(first.upstreams, second.upstreams, strict=True)
        assert kept[0] is kept[1]
        assert changed[0] is not changed[1]
        assert second.routes[0].endpoints[0].in_flight == 1
        running.close()
        await first.retire()
        assert (await ask(second.route_for("moored", ANYBODY)))[0] == "kept"
        await second.retire()


async def test_a_share_of_a_limit_follows_the_number_of_gateways() -> None:
    async with Harbour() as harbour:
        engine, address = await harbour.engine()
        engine.has_metrics = False
        limited = upstream("limited", address, max_concurrent_requests=12)
        first = generation(limited)
        second = generation(limited, before=first, quotas={"gateway_replicas": 3})
        assert [of.routes[0].capacity() for of in (first, second)] == [12, 4]
        await first.retire()
        await second.retire()


async def test_an_engine_that_is_gone_is_left_when_its_last_request_has_ended() -> None:
    async with Harbour() as harbour:
        leaving, one = await harbour.engine()
        _, two = await harbour.engine()
        first = generation(upstream("leaving", one))
        first.enter()
        stream = await first.route_for("moored", ANYBODY).open(call(tokens=5, inter_token_seconds=0.1))
        second = generation(upstream("staying", two), before=first)
        retiring = asyncio.create_task(first.retire())
        assert (await read_all(stream)).endswith(b"data: [DONE]\n\n")
        assert not retiring.done()
        first.leave()
        await retiring
        await eventually(lambda: leaving.counters.connections == 0)
        await second.retire()


async def test_a_hold_lasts_until_the_share_is_set_anew() -> None:
    async with Harbour() as harbour:
        _, address = await harbour.engine()
        upstreams = upstream("old", address), upstream("new", address, revision="r2")

        def with_share(percent: float, before: Generation | None = None) -> Generation:
            canary = {"model": "moored", "revision": "r2", "percent": percent}
            return generation(*upstreams, canaries=[canary], before=before)

        first = with_share(10)
        assert first.routes[0].canary is not None
        first.routes[0].canary.held = "error_ratio"
        same, more = with_share(10, before=first), with_share(5, before=first)
        assert same.routes[0].canary is first.routes[0].canary
        assert more.routes[0].canary is not None
        assert more.routes[0].canary.held is None
        for old in (first, same, more):
            await old.retire()


async def test_models_and_adapters_can_be_asked_for_where_the_tenant_may() -> None:
    both = generation(upstream("e", DEAD_ADDRESS, adapters=["poems", "laws"]), upstream("f", DEAD_ADDRESS, "other"))
    assert both.names == ["moored", "poems", "laws", "other"]
    assert both.route_for("laws", ANYBODY) is both.route_for("moored", ANYBODY)
    lawyer = TenantConfig(id="lawyer", models=("laws",))
    assert both.route_for("laws", lawyer).model == "moored"
    with pytest.raises(GatewayError) as unknown:
        both.route_for("poems", lawyer)
    assert unknown.value.status == 404
    assert "poems" not in unknown.value.message
    await both.retire()


async def test_the_queue_is_told_when_an_engine_goes_and_comes_back() -> None:
    async with Harbour() as harbour:
        engine, address = await harbour.engine()
        one = generation(upstream("e", address, max_concurrent_requests=7, activation={"address": DEAD_ADDRESS}))
        told: list[int | None] = []
        one.on_capacity_change = lambda: told.append(one.routes[0].capacity())
        engine.healthy = False
        await eventually(lambda: told[-1:] == [0])
        engine.healthy = True
        await eventually(lambda: told[-1:] == [7])
        await one.retire()


@pytest.mark.long
async def test_the_queue_is_told_when_a_pause_is_over() -> None:
    async with Harbour() as harbour:
        engine, address = await harbour.engine(status=503, retry_after_seconds=2)
        one = generation(upstream("e", address, max_concurrent_requests=7, activation={"address": DEAD_ADDRESS}))
        told: list[int | None] = []
        one.on_capacity_change = lambda: told.append(one.routes[0].capacity())
        asked_at = time.monotonic()
        (await one.routes[0].open(call())).close()
        assert one.routes[0].capacity() == 0
        engine.program.clear()
        await eventually(lambda: one.routes[0].capacity() == 7 and (not told or told[-1] == 7))
        assert time.monotonic() - asked_at >= 1.9
        await one.retire()
