"""Whatever happens in whatever order, everybody gets the answer to his own question, and nothing is left behind."""

from __future__ import annotations

import asyncio
import itertools
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from moorage_serving.gateway.cache.key import tenant_prefix
from moorage_serving.gateway.cache.response_cache import CacheResult
from moorage_serving.gateway.cache.store import index_keys
from moorage_serving.gateway.config.tenants import TenantConfig
from moorage_serving.gateway.errors import upstream_failed

from .answers import Cached, Client, Engine, chat, document_answer, stream_events, turns

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from moorage_serving.gateway.redis_link import RedisLink
    from tests.gateway.redis_process import RedisProcess

pytestmark = pytest.mark.anyio
MAX_TENANT_BYTES, MAX_ENTRY_BYTES = 1800, 1200
# Only over what is still there: the cache deletes while this happens.
SWAP = "return redis.call('EXISTS', KEYS[2]) == 1 and redis.call('COPY', KEYS[1], KEYS[2], 'REPLACE')"
SERIAL = itertools.count()


@dataclass(frozen=True)
class Visit:
    """One client: which gateway it asks what, how it behaves, and what the engine does should it be asked."""

    gateway: int
    tenant: int
    question: int
    stream: bool
    no_cache: bool
    slow: bool
    pause_turns: int
    leaves_after_turns: int | None
    tokens: int
    seconds_per_piece: float
    fault: str | None


VISITS = st.builds(
    Visit,
    gateway=st.integers(0, 1),
    tenant=st.integers(0, 1),
    question=st.sampled_from([0, 0, 0, 1]),
    stream=st.sampled_from([True, True, False]),
    no_cache=st.sampled_from([False, False, False, True]),
    slow=st.booleans(),
    pause_turns=st.integers(0, 12),
    leaves_after_turns=st.sampled_from([None, None, None, 0, 1, 3, 8, 20, 60]),
    tokens=st.integers(1, 9),
    seconds_per_piece=st.sampled_from([0.0, 0.0, 0.001, 0.004]),
    fault=st.sampled_from([None, None, None, "before", "amid", "tools", "refused"]),
)
# After "settle" what can be stored is stored, and the next visit finds it. The others are harm.
KINDS = ["visit"] * 15 + ["settle"] * 4 + ["garbage", "swap", "expire", "index", "flush scripts"]
STEP = st.sampled_from(KINDS).flatmap(lambda kind: VISITS if kind == "visit" else st.just(kind))
STEPS = st.lists(STEP, min_size=10, max_size=40)


class World:
    """Two gateways, two tenants, engines that sign their answers, and what went wrong."""

    def __init__(self, gateways: list[Cached], server: RedisProcess) -> None:
        self.run = next(SERIAL)
        self.tenants = [TenantConfig(id=f"interleaved-{self.run}-{number}") for number in range(2)]
        self.gateways = gateways
        self.server = server
        self.is_harmed = False
        self.engines: list[Engine] = []

    def nonce(self, visit: Visit) -> str:
        return f"<{self.tenants[visit.tenant].id} asks {visit.question}, stream={visit.stream}>"

    def engine(self, visit: Visit) -> Engine:
        """Signs every piece with the nonce of the request."""
        texts = [f"{self.nonce(visit)} {number}" for number in range(visit.tokens)]
        reason = "tool_calls" if visit.fault == "tools" else "stop"
        error = upstream_failed("as told") if visit.fault in {"before", "amid"} else None
        if visit.stream:
            pieces, content_type = stream_events(*texts, reason=reason), b"text/event-stream"
        else:
            pieces, content_type = [document_answer("".join(texts), reason)], b"application/json"
        kept = {"before": 0, "amid": len(pieces) // 2}.get(visit.fault or "", len(pieces))
        made = Yielding(pieces[:kept], content_type, error=error, status=429 if visit.fault == "refused" else 200)
        made.seconds_per_piece = visit.seconds_per_piece
        self.engines.append(made)
        return made

    async def visit(self, visit: Visit) -> None:
        client = Hesitant(slow=visit.slow)
        headers = [(b"cache-control", b"no-cache")] if visit.no_cache else []
        question = chat(self.nonce(visit), stream=visit.stream)
        asking = asyncio.ensure_future(
            self.gateways[visit.gateway].ask(
                self.engine(visit), question, headers=headers, client=client, tenant=self.tenants[visit.tenant]
            )
        )
        if visit.leaves_after_turns is not None:
            await turns(visit.leaves_after_turns)
            asking.cancel()
        (outcome,) = await asyncio.gather(asking, return_exceptions=True)
        self.check_answer(visit, client, outcome)

    def check_answer(self, visit: Visit, client: Client, outcome: object) -> None:
        body = client.body.decode()
        signed = body.count("<interleaved")
        assert signed == body.count(self.nonce(visit)), "an answer to another question"
        if isinstance(outcome, BaseException):
            assert isinstance(outcome, asyncio.CancelledError) or getattr(outcome, "code", "") == "upstream_failed"
            return
        assert client.ended
        assert signed > 0
        assert not visit.stream or body.endswith("data: [DONE]\n\n")
        result, _ = outcome  # type: ignore[misc]
        if result is CacheResult.HIT:
            assert client.start is not None
            assert client.start["status"] == 200
            assert "tool_calls" not in body

    def harm(self, kind: str) -> None:
        self.is_harmed = True
        client = self.server.client
        for tenant in self.tenants:
            prefix = tenant_prefix(tenant.id)
            names = sorted(set(client.keys(f"{prefix}*")) - set(index_keys(tenant.id)))  # type: ignore[arg-type]
            match kind:
                case "garbage":
                    for name in names:
                        client.set(name, "garbage", xx=True)
                case "swap" if len(names) > 1:
                    client.eval(SWAP, 2, names[0], names[1])
                case "expire":
                    for name in names:
                        client.delete(name)
                case "index":
                    client.set(index_keys(tenant.id)[self.run % 2], "garbage")
                case "flush scripts":
                    client.script_flush()
                case _:
                    pass

    async def settled(self) -> None:
        for gateway in self.gateways * 2:  # what the second does can keep the first one busy
            await gateway.settled()
            await gateway.link.execute("PING")  # after what was posted

    async def check_end(self) -> None:
        await self.settled()
        assert all(engine.running == 0 for engine in self.engines)
        for gateway in self.gateways:
            assert gateway.count("flights") == gateway.count("flight_readers") == 0
            flights, shared = gateway.cache._flights, gateway.cache._shared
            assert not flights._newest
            assert not flights._tasks
            assert not shared._early
            assert not shared._led
            assert not shared._serving
            assert not shared._followed
            assert not len(shared._leases)
            assert shared.is_open
        for tenant in self.tenants:
            found = set(self.server.client.keys(f"{tenant_prefix(tenant.id)}*"))  # type: ignore[arg-type]
            leases = {name for name in found if name.endswith(":lease")}
            assert self.is_harmed or not leases
            self.check_index(tenant, found - leases)
            self.server.client.delete("nothing", *found)

    def check_index(self, tenant: TenantConfig, found: set[str]) -> None:
        """Unless it was damaged last of all, the index knows every item, and they are within the limit."""
        client, (expiries, sizes) = self.server.client, index_keys(tenant.id)
        if {client.type(expiries), client.type(sizes)} != {"zset", "hash"}:
            return
        counted: dict[str, str] = client.hgetall(sizes)  # type: ignore[assignment]
        total = int(counted.pop("", 0))
        assert total == sum(int(size) for size in counted.values()) <= MAX_TENANT_BYTES
        assert found - {expiries, sizes} <= {tenant_prefix(tenant.id) + item for item in counted}
        assert set(client.zrange(expiries, 0, -1)) == set(counted)  # type: ignore[arg-type]


class Yielding(Engine):
    """Lets others go on between its pieces."""

    seconds_per_piece = 0.0

    async def __call__(self, send: object) -> None:
        async def send_and_yield(message: object) -> None:
            await send(message)  # type: ignore[operator]
            await turns(2)
            if self.seconds_per_piece:
                await asyncio.sleep(self.seconds_per_piece)

        await turns(1)
        await super().__call__(send_and_yield)  # type: ignore[arg-type]


class Hesitant(Client):
    """Takes its time for every piece, where `slow`."""

    def __init__(self, *, slow: bool) -> None:
        super().__init__()
        self._pause_turns = 7 if slow else 0

    async def send(self, message: dict[str, object]) -> None:  # type: ignore[override]
        await turns(self._pause_turns)
        await super().send(message)


async def interleave(world: World, steps: list[Visit | str]) -> None:
    visits: list[asyncio.Task[None]] = []
    for step in steps:
        if step == "settle":
            await asyncio.gather(*visits)
            await world.settled()
            continue
        if isinstance(step, str):
            world.harm(step)
            continue
        visits.append(asyncio.create_task(world.visit(step)))
        await turns(step.pause_turns)
    await asyncio.gather(*visits)
    await world.check_end()


@pytest.fixture
async def gateways(
    link: RedisLink, other_link: RedisLink, server: RedisProcess, tenant: TenantConfig
) -> AsyncIterator[list[Cached]]:
    """Two caches as in two processes; they leave neither a channel nor a connection behind."""
    connections = len(server.client.client_list())  # type: ignore[arg-type]
    limits = {"max_tenant_bytes": MAX_TENANT_BYTES, "max_entry_bytes": MAX_ENTRY_BYTES}
    yield [await Cached(each, tenant, **limits).shared() for each in (link, other_link)]
    await Cached.close_all()
    assert server.client.pubsub_channels() == []
    assert len(server.client.client_list()) == connections  # type: ignore[arg-type]


@pytest.mark.long
async def test_everybody_gets_his_own_answer_and_nothing_is_left(gateways: list[Cached], server: RedisProcess) -> None:
    loop = asyncio.get_running_loop()

    @settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
    @given(STEPS)
    def check(steps: list[Visit | str]) -> None:
        world = World(gateways, server)
        note(repr(steps))
        asyncio.run_coroutine_threadsafe(interleave(world, steps), loop).result(60)

    await asyncio.to_thread(check)
    # Had one of them never happened, the property would say nothing about it.
    happened: Counter[str] = Counter()
    for gateway in gateways:
        happened.update({name: gateway.count.requests(name) for name in ("hit", "miss", "collapsed")})
        happened.update(
            {name: gateway.count.answers(name) for name in ("stored", "too_large", "finish_reason", "status")}
        )
        happened.update({name: gateway.count(f"{name}_total") for name in ("evicted", "followed_flights")})
        happened["corrupt"] += gateway.count.errors("corrupt")
    assert all(happened.values()), happened
    assert happened["followed_flights"] > 10
