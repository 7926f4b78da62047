"""A canary's conversations go to the new revision, all others never do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from moorage_serving.gateway.config.serving import CanaryConfig
from moorage_serving.gateway.errors import GatewayError
from moorage_serving.gateway.upstream.canary import Canary

from .harbour import DEAD_ADDRESS, Harbour, ask, call, conversation, read_all

if TYPE_CHECKING:
    from moorage_serving.gateway.upstream.route import EngineCall, Route

pytestmark = pytest.mark.anyio


def canary(percent: float) -> Canary:
    return Canary(CanaryConfig(model="moored", revision="r2", percent=percent))


def routed(route: Route, talk: object) -> EngineCall:
    return call(talk=talk, revision=route.choose_revision(conversation(talk)))


async def test_conversations_go_to_the_revision_that_was_chosen_for_them() -> None:
    async with Harbour() as harbour:
        _, old = await harbour.engine()
        _, new = await harbour.engine()
        upstreams = (
            harbour.upstream("old", old, pool="one"),
            harbour.upstream("new", new, pool="one", revision="r2"),
        )
        route = harbour.route(*upstreams, canary=canary(30))
        for talk in range(60):
            asked = routed(route, talk)
            opened = await route.open(asked)
            assert opened.endpoint.config.revision == asked.revision
            await read_all(opened)


async def test_a_canary_that_is_gone_does_not_lose_its_conversations() -> None:
    async with Harbour() as harbour:
        _, old = await harbour.engine()
        upstreams = harbour.upstream("new", DEAD_ADDRESS, revision="r2"), harbour.upstream("old", old)
        route = harbour.route(*upstreams, canary=canary(100))
        assert (await ask(route, routed(route, "any")))[0] == "old"


async def test_nobody_else_goes_to_the_canary_even_when_all_else_is_gone() -> None:
    async with Harbour() as harbour:
        engine, new = await harbour.engine()
        upstreams = harbour.upstream("old", DEAD_ADDRESS), harbour.upstream("new", new, revision="r2")
        route = harbour.route(*upstreams, canary=canary(0))
        with pytest.raises(GatewayError):
            await route.open(routed(route, "any"))
        assert engine.counters.requests == 0


async def test_a_canary_whose_engine_fails_is_held_while_clients_see_no_failure() -> None:
    async with Harbour() as harbour:
        _, old = await harbour.engine()
        _, new = await harbour.engine(status=500)
        upstreams = harbour.upstream("old", old), harbour.upstream("new", new, revision="r2")
        route = harbour.route(*upstreams, canary=canary(10))
        assert route.canary is not None
        for talk in range(1000):
            assert (await ask(route, routed(route, talk)))[0] == "old"
            route.canary._judged_at = 0.0  # it is once a second otherwise
            if route.canary.held is not None:
                break
        assert route.canary.held == "error_ratio"
        metric = "moorage_gateway_canary_held"
        harbour.metrics.watch(lambda: [route])
        assert harbour.registry.get_sample_value(metric, {"model": "moored", "revision": "r2"}) == 1


async def test_other_revisions_without_a_canary_are_a_matter_of_order() -> None:
    async with Harbour() as harbour:
        _, address = await harbour.engine()
        upstreams = harbour.upstream("gone", DEAD_ADDRESS), harbour.upstream("other", address, revision="r0")
        route = harbour.route(*upstreams)
        assert route.choose_revision(conversation("any")) == "r1"
        assert (await ask(route, routed(route, "any")))[0] == "other"
