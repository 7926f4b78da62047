"""What clients see of the cache, on a real Redis."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from moorage_serving.gateway.cache.key import tenant_prefix
from moorage_serving.gateway.cache.response_cache import CacheResult
from moorage_serving.gateway.config.tenants import TenantConfig
from moorage_serving.gateway.request_body import parse_request

from .answers import CHAT, Cached, Client, Engine, chat, document_answer, streaming

if TYPE_CHECKING:
    from moorage_serving.gateway.redis_link import RedisLink
    from tests.gateway.redis_process import RedisProcess

pytestmark = pytest.mark.anyio
HIT, MISS, BYPASS = CacheResult.HIT, CacheResult.MISS, CacheResult.BYPASS


@pytest.fixture
async def cached(link: RedisLink, tenant: TenantConfig) -> Cached:
    return Cached(link, tenant)


async def test_a_second_asking_gets_the_stored_answer(cached: Cached) -> None:
    engine = Engine()
    first, told_first = await cached.ask_and_settle(engine, chat())
    second, told_second = await cached.ask(engine, chat())
    assert (first, second, engine.calls) == (MISS, HIT, 1)
    assert told_first.body == told_second.body == engine.pieces[0]
    assert told_second.ended
    assert told_first.cache_status == {"fwd": "miss"}
    assert told_second.cache_status == {"hit": True, "ttl": pytest.approx(3600, abs=30)}
    assert told_second.header(b"content-type") == b"application/json"
    assert told_second.header(b"content-length") == b"%d" % len(engine.pieces[0])
    assert int(told_second.header(b"age") or b"") < 30
    assert cached.count.requests("hit") == cached.count.requests("miss") == cached.count.answers("stored") == 1


async def test_a_stream_is_replayed_event_by_event_with_reasoning_and_usage(cached: Cached) -> None:
    engine = streaming("a", "b", "c")
    await cached.ask_and_settle(engine, chat(stream=True))
    result, client = await cached.ask(engine, chat(stream=True))
    assert result is HIT
    assert client.body.split(b"\n\n") == b"".join(engine.pieces).split(b"\n\n")
    assert client.header(b"content-type") == b"text/event-stream; charset=utf-8"
    assert b"reasoning_content" in client.body
    assert b'"usage"' in client.body


async def test_headers_of_the_first_answer_do_not_come_again(cached: Cached) -> None:
    engine = Engine()
    await cached.ask_and_settle(engine, chat())
    _, client = await cached.ask(engine, chat())
    assert client.start is not None
    names = {name for name, _ in client.start["headers"]}
    assert names == {b"content-type", b"content-length", b"age", b"cache-status", b"x-moorage-revision"}


@pytest.mark.parametrize(
    ("document", "path"),
    [
        (chat(temperature=0.0), CHAT),
        (chat(temperature=0.7, seed=0), CHAT),
        ({"model": "m", "prompt": "hi", "temperature": 0}, "/v1/completions"),
    ],
)
async def test_answers_that_repeat_are_stored(cached: Cached, document: dict[str, Any], path: str) -> None:
    engine = Engine()
    await cached.ask_and_settle(engine, document, path=path)
    assert (await cached.ask(engine, document, path=path))[0] is HIT


async def test_embeddings_are_stored(cached: Cached) -> None:
    engine = Engine([orjson.dumps({"object": "list", "data": [{"embedding": [0.5]}]})])
    document = {"model": "m", "input": "hi"}
    await cached.ask_and_settle(engine, document, path="/v1/embeddings")
    assert (await cached.ask(engine, document, path="/v1/embeddings"))[0] is HIT


@pytest.mark.parametrize("more", [{"temperature": 0.7}, {"temperature": None}, {"temperature": 1, "seed": None}])
async def test_sampled_answers_are_not_unless_the_stack_says_so(
    cached: Cached, link: RedisLink, tenant: TenantConfig, more: dict[str, Any]
) -> None:
    engine = Engine()
    for _ in range(2):
        result, client = await cached.ask_and_settle(engine, chat(**more))
        assert (result, client.cache_status) == (BYPASS, {"fwd": "bypass", "detail": "not-deterministic"})
        assert client.body == engine.pieces[0]
    assert cached.count.requests("not-deterministic") == 2
    lenient = Cached(link, tenant, nondeterministic=True)
    await lenient.ask_and_settle(engine, chat(**more))
    assert (await lenient.ask(engine, chat(**more)))[0] is HIT


async def test_an_ambiguous_body_goes_past(cached: Cached) -> None:
    document = chat(x=1)
    ambiguous = orjson.dumps(document)[:-1] + b',"x":2}'
    request = parse_request(ambiguous, can_stream=True)
    plan = cached.cache.plan(tenant=cached.tenant, path=CHAT, headers=[], request=request, revision="r1")
    assert plan.bypass == "ambiguous-body"


async def test_no_store_neither_reads_nor_writes(cached: Cached) -> None:
    engine, no_store = Engine(), [(b"cache-control", b"no-store")]
    _, client = await cached.ask_and_settle(engine, chat(), headers=no_store)
    assert client.cache_status == {"fwd": "bypass", "detail": "no-store"}
    assert (await cached.ask_and_settle(engine, chat()))[0] is MISS
    assert (await cached.ask(engine, chat(), headers=no_store))[0] is BYPASS


async def test_no_cache_asks_again_and_replaces(cached: Cached) -> None:
    await cached.ask_and_settle(Engine([document_answer("old")]), chat())
    new = Engine([document_answer("new")])
    result, client = await cached.ask_and_settle(new, chat(), headers=[(b"cache-control", b"no-cache")])
    assert (result, client.cache_status) == (MISS, {"fwd": "request"})
    result, client = await cached.ask(new, chat())
    assert (result, client.body) == (HIT, document_answer("new"))


async def test_max_age_refuses_older_answers_and_replaces_them(cached: Cached) -> None:
    await cached.ask_and_settle(Engine([document_answer("old")]), chat())
    await asyncio.sleep(1.1)
    new = Engine([document_answer("new")])
    assert (await cached.ask(new, chat(), headers=[(b"cache-control", b"max-age=600")]))[0] is HIT
    result, client = await cached.ask_and_settle(new, chat(), headers=[(b"cache-control", b"max-age=0")])
    assert (result, client.cache_status) == (MISS, {"fwd": "stale"})
    assert (await cached.ask(new, chat()))[1].body == document_answer("new")


async def test_an_answers_life_ends(link: RedisLink, tenant: TenantConfig) -> None:
    cached = Cached(link, tenant, ttl_seconds=1)
    engine = Engine()
    await cached.ask_and_settle(engine, chat())
    assert cached.count.answers("stored") == 1
    await asyncio.sleep(1.2)
    assert (await cached.ask(engine, chat()))[0] is MISS


async def test_a_share_goes_past_the_cache_and_refreshes_it(link: RedisLink, tenant: TenantConfig) -> None:
    await Cached(link, tenant).ask_and_settle(Engine([document_answer("old")]), chat())
    always = Cached(link, tenant, bypass_ratio=1.0)
    result, client = await always.ask_and_settle(Engine([document_answer("new")]), chat())
    assert (result, client.cache_status) == (MISS, {"fwd": "bypass", "detail": "freshness"})
    assert (await Cached(link, tenant).ask(Engine(), chat()))[1].body == document_answer("new")


async def test_about_the_share_that_was_asked_for_goes_past(link: RedisLink, tenant: TenantConfig) -> None:
    cached = Cached(link, tenant, bypass_ratio=0.3)
    engine = Engine()
    for _ in range(300):
        await cached.ask_and_settle(engine, chat())
    assert 40 < engine.calls < 150  # 10 standard deviations


@pytest.mark.parametrize(
    ("engine", "reason"),
    [
        (Engine([document_answer("x", "tool_calls")]), "finish_reason"),
        (Engine([b"{"]), "incomplete"),
        (Engine(status=429), "status"),
        (Engine([b"data: {}\n\n"], b"text/event-stream"), "incomplete"),
    ],
    ids=["tools", "cut", "refused", "no end"],
)
async def test_what_is_not_whole_is_passed_on_and_not_stored(cached: Cached, engine: Engine, reason: str) -> None:
    _, client = await cached.ask_and_settle(engine, chat())
    assert client.body == b"".join(engine.pieces)
    assert (await cached.ask_and_settle(engine, chat()))[0] is MISS
    assert cached.count.answers(reason) == 2
    assert cached.count.answers("stored") == 0


async def test_tenants_and_revisions_never_share(cached: Cached, tenant: TenantConfig) -> None:
    engine = Engine()
    other = TenantConfig(id=f"{tenant.id}-2")
    await cached.ask_and_settle(engine, chat())
    assert (await cached.ask_and_settle(engine, chat(), tenant=other))[0] is MISS
    assert (await cached.ask_and_settle(engine, chat(), revision="r2"))[0] is MISS
    assert (await cached.ask_and_settle(engine, chat(), revision="r2"))[0] is HIT


async def test_an_answer_that_lies_under_anothers_key_is_never_given(
    cached: Cached, link: RedisLink, server: RedisProcess
) -> None:
    await cached.ask_and_settle(Engine([document_answer("one")]), chat("one"))
    await cached.ask_and_settle(Engine([document_answer("two")]), chat("two"))
    one, two = items(server, cached.tenant)
    await link.execute("COPY", one, two, "REPLACE", timeout_seconds=20)
    for question in ("one", "two"):
        _, client = await cached.ask(Engine([document_answer(question)]), chat(question))
        assert client.body == document_answer(question)
    assert cached.count.errors("corrupt") == 1


async def test_neither_question_nor_key_shows(cached: Cached, server: RedisProcess) -> None:
    _, client = await cached.ask_and_settle(Engine(), chat("my secret question"))
    (name,) = items(server, cached.tenant)
    digest = name.rsplit(":", 1)[1]
    assert client.start is not None
    assert digest.encode() not in repr(client.start).encode()
    names = server.client.keys("*")
    assert not any("secret" in str(each) for each in names)  # type: ignore[union-attr]


async def test_an_operator_finds_a_tenants_revision_in_the_keys(cached: Cached, server: RedisProcess) -> None:
    await cached.ask_and_settle(Engine(), chat(), revision="org/model@1:2")
    (name,) = items(server, cached.tenant)
    assert name.startswith(f"moorage:cache:v1:{{{cached.tenant.id}}}:org%2Fmodel%401%3A2:")


async def test_a_refresh_that_fails_leaves_the_stored_answer(cached: Cached) -> None:
    await cached.ask_and_settle(Engine([document_answer("old")]), chat())
    broken = Engine([], error=RuntimeError("broken"))
    with pytest.raises(RuntimeError):
        await cached.ask(broken, chat(), headers=[(b"cache-control", b"no-cache")])
    result, client = await cached.ask(Engine(), chat())
    assert (result, client.body) == (HIT, document_answer("old"))


async def test_a_client_that_left_is_no_error(cached: Cached) -> None:
    class Gone(Client):
        async def send(self, message: Any) -> None:
            raise OSError("connection reset")

    with pytest.raises(OSError, match="reset"):
        await cached.ask(Engine(), chat(), client=Gone())
    await cached.settled()


async def test_time_is_told_in_whole_seconds_from_the_storing(cached: Cached) -> None:
    engine, asked_at = Engine(), time.time()
    await cached.ask_and_settle(engine, chat())
    await asyncio.sleep(1.1)
    _, client = await cached.ask(engine, chat())
    age_seconds = int(client.header(b"age") or b"")
    assert 1 <= age_seconds <= time.time() - asked_at + 1
    assert client.cache_status["ttl"] == 3600 - age_seconds


def items(server: RedisProcess, tenant: TenantConfig) -> list[str]:
    prefix = tenant_prefix(tenant.id)
    names = [str(name) for name in server.client.keys(f"{prefix}*")]  # type: ignore[union-attr]
    return [name for name in names if name not in {f"{prefix}expiries", f"{prefix}sizes"}]
