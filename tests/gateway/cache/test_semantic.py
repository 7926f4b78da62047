"""Another wording of a question is answered from the cache; another question never is."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from moorage_serving.gateway.cache.embedding import WordLlamaModel
from moorage_serving.gateway.cache.response_cache import CacheResult
from moorage_serving.gateway.cache.semantic import MAX_CANDIDATES, Candidate, Question, SemanticIndex, pack, unpack
from moorage_serving.gateway.cache.wording import signature

from .answers import Cached, Engine, chat, document_answer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from moorage_serving.gateway.config.tenants import TenantConfig
    from moorage_serving.gateway.redis_link import RedisLink
    from tests.gateway.redis_process import RedisProcess

pytestmark = pytest.mark.anyio
MIN_SIMILARITY = 0.95
SAME = [
    ("What is the capital of France?", "What's the capital of France?"),
    ("What is the capital of France?", "what is the capital of france"),
    ("How do I reset my password?", "How can I reset my password?"),
    ("How do I reset my password?", "how do i reset my password, please"),
    ("Summarise the second chapter of Moby Dick.", "Please summarise the second chapter of Moby Dick"),
    ("Which numbers don't divide 60?", "Which numbers do not divide 60?"),
    ("Which planets have rings?", "Which are the planets have rings"),
]
DIFFERENT = [
    ("What is the capital of France?", "What is the capital of Germany?"),
    ("What is the capital of France?", "What was the capital of France?"),
    ("dog bites man", "man bites dog"),
    ("Who is taller, Anna or Ben?", "Who is taller, Anna and Ben?"),
    ("Is it safe to take aspirin daily?", "Is it not safe to take aspirin daily?"),
    ("Is it safe to take aspirin daily?", "Isn't it safe to take aspirin daily?"),
    ("Can you swim after eating?", "Can't you swim after eating?"),
    ("Can you swim after eating?", "Can you swim before eating?"),
    ("What is 12 plus 7?", "What is 12 plus 8?"),
    ("What is 1.5 kg in pounds?", "What is 15 kg in pounds?"),
    ("What is 2 + 2?", "What is 2 - 2?"),
    ("Convert 100 USD to EUR", "Convert 100 EUR to USD"),
    ("List the first three presidents", "List the first four presidents"),
    ("Translate 'dog' to French", "Translate 'cat' to French"),
    ("Do I owe you money?", "Do you owe me money?"),
    ("Fly from Oslo to Rome", "Fly from Rome to Oslo"),
    ("Is x greater than y?", "Is x less than y?"),
    ("Name all even numbers", "Name all numbers"),
    ("Sort this ascending: 3 1 2", "Sort this descending: 3 1 2"),
    ("Explain how to close an account with a positive balance", "Explain how to close an account without a balance"),
    ("\u732b\u304c\u597d\u304d", "\u72ac\u304c\u597d\u304d"),
]


@pytest.fixture(scope="module")
def model() -> WordLlamaModel:
    return WordLlamaModel(None)


@pytest.fixture
def index(model: WordLlamaModel) -> Iterator[SemanticIndex]:
    opened = SemanticIndex(model, MIN_SIMILARITY)
    yield opened
    opened.close()


@pytest.fixture
def willing(tenant: TenantConfig) -> TenantConfig:
    return tenant.model_copy(update={"semantic_cache": True})


@pytest.fixture
async def cached(link: RedisLink, willing: TenantConfig, index: SemanticIndex) -> Cached:
    return Cached(link, willing, index)


async def asked_in_time(cached: Cached, document: dict[str, Any], **more: Any) -> tuple[CacheResult, Any]:
    """Asks until the look at wordings was not cut off by its 5 ms, which a busy machine may pass."""
    async with asyncio.timeout(20):
        while True:
            before = cached.count.errors("similar") + cached.count.errors("lookup")
            answered = await cached.ask_and_settle(Engine(status=500), document, **more)
            if cached.count.errors("similar") + cached.count.errors("lookup") == before:
                return answered


@pytest.mark.parametrize(("stored", "asked"), SAME)
async def test_another_wording_of_the_same_question_hits(cached: Cached, stored: str, asked: str) -> None:
    await cached.ask_and_settle(Engine([document_answer("the answer")]), chat(stored))
    result, client = await asked_in_time(cached, chat(asked))
    assert (result, client.body) == (CacheResult.HIT, document_answer("the answer"))
    assert client.cache_status == {"hit": True, "ttl": pytest.approx(3600, abs=60), "detail": "similar"}
    assert cached.count.requests("similar_hit") == 1
    assert cached.count.requests("hit") == 0


@pytest.mark.parametrize(("stored", "asked"), [*DIFFERENT, *((two, one) for one, two in DIFFERENT)])
async def test_another_question_misses(cached: Cached, stored: str, asked: str) -> None:
    await cached.ask_and_settle(Engine(), chat(stored))
    assert (await asked_in_time(cached, chat(asked)))[0] is CacheResult.MISS


def test_the_model_alone_would_mix_some_of_them_up(model: WordLlamaModel) -> None:
    mixed_up = [pair for pair in DIFFERENT if model.embed(pair[0]) @ model.embed(pair[1]) >= MIN_SIMILARITY]
    assert len(mixed_up) >= 8
    assert all(signature(one) != signature(other) for one, other in DIFFERENT)


async def test_the_model_has_a_say_too(link: RedisLink, willing: TenantConfig, model: WordLlamaModel) -> None:
    strict = SemanticIndex(model, 0.9999)
    cached = Cached(link, willing, strict)
    await cached.ask_and_settle(Engine(), chat("What is the capital of France?"))
    assert (await asked_in_time(cached, chat("Hello, tell us what is the capital of France")))[0] is CacheResult.MISS
    strict.close()


@pytest.mark.parametrize(
    "more",
    [
        {"model": "other"},
        {"max_tokens": 7},
        {"temperature": 0.0},
        {"seed": 1},
        {"stream": True},
        {"tools": [{"type": "function", "function": {"name": "f"}}]},
        {"response_format": {"type": "json_object"}},
        {"unheard_of": 1},
    ],
    ids=lambda more: next(iter(more)),
)
async def test_everything_but_the_last_user_turn_has_to_be_equal(cached: Cached, more: dict[str, Any]) -> None:
    await cached.ask_and_settle(Engine(), chat("What is the capital of France?"))
    asked = {**chat("What's the capital of France?"), **more}
    assert (await asked_in_time(cached, asked))[0] is CacheResult.MISS


@pytest.mark.parametrize("before", [[{"role": "system", "content": "Be rude."}], [{"role": "user", "content": "Hi"}]])
async def test_the_conversation_before_it_has_to_be_equal(cached: Cached, before: list[dict[str, str]]) -> None:
    stored, asked = chat("What is the capital of France?"), chat("What's the capital of France?")
    await cached.ask_and_settle(Engine(), stored)
    asked["messages"] = before + asked["messages"]
    assert (await asked_in_time(cached, asked))[0] is CacheResult.MISS
    stored["messages"] = before + stored["messages"]
    await cached.ask_and_settle(Engine(), stored)
    assert (await asked_in_time(cached, asked))[0] is CacheResult.HIT


async def test_tenants_and_revisions_never_share(cached: Cached, willing: TenantConfig) -> None:
    await cached.ask_and_settle(Engine(), chat("What is the capital of France?"))
    asked = chat("What's the capital of France?")
    other = willing.model_copy(update={"id": f"{willing.id}-2"})
    assert (await asked_in_time(cached, asked, tenant=other))[0] is CacheResult.MISS
    assert (await asked_in_time(cached, asked, revision="r2"))[0] is CacheResult.MISS


async def test_a_tenant_that_did_not_ask_for_it_gets_none_of_it(link: RedisLink, cached: Cached) -> None:
    plain = cached.tenant.model_copy(update={"semantic_cache": False})
    await cached.ask_and_settle(Engine(), chat("What is the capital of France?"))
    asked = chat("What's the capital of France?")
    assert (await cached.ask_and_settle(Engine(status=500), asked, tenant=plain))[0] is CacheResult.MISS
    assert (await Cached(link, cached.tenant).ask_and_settle(Engine(), asked))[0] is CacheResult.MISS


async def test_directives_hold_for_other_wordings_too(cached: Cached) -> None:
    await cached.ask_and_settle(Engine(), chat("What is the capital of France?"))
    asked = chat("What's the capital of France?")
    await asyncio.sleep(1.1)
    for value in (b"no-cache", b"max-age=0"):
        result, _ = await asked_in_time(cached, asked, headers=[(b"cache-control", value)])
        assert result is CacheResult.MISS


async def test_an_answer_that_left_is_not_missed(cached: Cached, server: RedisProcess) -> None:
    await cached.ask_and_settle(Engine(), chat("What is the capital of France?"))
    (name,) = (each for each in keys(server, cached.tenant) if ":similar-" not in each)
    server.client.delete(name)
    assert (await asked_in_time(cached, chat("What's the capital of France?")))[0] is CacheResult.MISS


async def test_a_damaged_list_of_questions_is_an_empty_one(cached: Cached, server: RedisProcess) -> None:
    await cached.ask_and_settle(Engine(), chat("What is the capital of France?"))
    (name,) = (each for each in keys(server, cached.tenant) if ":similar-" in each)
    server.client.set(name, "garbage")
    asked = chat("What's the capital of France?")
    assert (await asked_in_time(cached, asked))[0] is CacheResult.MISS
    await cached.ask_and_settle(Engine(), asked)
    assert (await asked_in_time(cached, chat("what is the capital of france")))[0] is CacheResult.HIT


async def test_a_slow_model_delays_nobody(link: RedisLink, willing: TenantConfig, model: WordLlamaModel) -> None:
    may_go_on = threading.Event()

    class Slow:
        def embed(self, text: str) -> Any:
            assert may_go_on.wait(60)
            return model.embed(text)

    index = SemanticIndex(Slow(), MIN_SIMILARITY)
    cached = Cached(link, willing, index)
    may_go_on.set()
    await cached.ask_and_settle(Engine(), chat("What is the capital of France?"))
    may_go_on.clear()
    result, _ = await cached.ask(Engine(status=500), chat("What's the capital of France?"))
    assert result is CacheResult.MISS
    assert cached.count.errors("similar") + cached.count.errors("lookup") >= 1
    may_go_on.set()
    await cached.settled()
    index.close()


async def test_a_group_of_wordings_is_bounded(index: SemanticIndex) -> None:
    group: bytes | None = None
    for number in range(MAX_CANDIDATES + 5):
        group = await index.with_question(group, Question("hi", "g"), number.to_bytes(32, "big"))
    candidates = unpack(group or b"")
    assert len(candidates) == MAX_CANDIDATES
    assert int.from_bytes(candidates[0].request_digest, "big") == MAX_CANDIDATES + 4


VECTORS = st.lists(st.floats(-1, 1, width=32), max_size=8).map(lambda values: np.array(values, dtype=np.float32))


@given(st.lists(st.builds(Candidate, st.binary(min_size=32, max_size=32), VECTORS), max_size=5), st.data())
def test_a_group_comes_back_as_it_was_or_empty(candidates: list[Candidate], data: st.DataObject) -> None:
    stored = pack(candidates)
    again = unpack(stored)
    assert [each.request_digest for each in again] == [each.request_digest for each in candidates]
    assert all(np.array_equal(one.vector, other.vector) for one, other in zip(again, candidates, strict=True))
    assert unpack(stored[: data.draw(st.integers(0, len(stored) - 1))]) == []


def keys(server: RedisProcess, tenant: TenantConfig) -> list[str]:
    names = [str(name) for name in server.client.keys(f"*{{{tenant.id}}}*")]  # type: ignore[union-attr]
    return [name for name in names if not name.endswith((":expiries", ":sizes"))]
