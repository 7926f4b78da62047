"""Whatever the body is, the gateway never fails at it: its answer is the engine's, or an error below 500.

With every feature on that reads a body: affinity and canary, limits, cache, other wordings, request log, queue.
"""

from __future__ import annotations

import base64
import json
import os
from typing import TYPE_CHECKING, Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from .processes import KEY, KEY_ID, Gateway, document, eventually, sha256, upstream
from .redis_process import RedisProcess

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import httpx

    from .processes import EngineRoom

INFERENCE = ("/v1/chat/completions", "/v1/completions", "/v1/embeddings")
# Each example is a request to a process; what fails one is an assertion, never its time.
FUZZED = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
TEXT = st.text(max_size=20)
NUMBERS = (
    st.integers() | st.floats() | st.sampled_from([0, -1, 2**31, 2**53, 2**64, 10**400, 1e308, float("nan"), -0.0])
)
SCALARS = st.none() | st.booleans() | NUMBERS | TEXT
ANYTHING = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4), max_leaves=15
)
ROLES = st.sampled_from(["system", "developer", "user", "assistant", "tool"])
PART = st.fixed_dictionaries({}, optional={"type": st.just("text") | ANYTHING, "text": TEXT | ANYTHING})
MESSAGE = st.fixed_dictionaries(
    {}, optional={"role": ROLES | ANYTHING, "content": TEXT | st.lists(PART | ANYTHING, max_size=3) | ANYTHING}
)
# Every name that the gateway looks at, with what belongs there and what does not.
LOOKED_AT: dict[str, st.SearchStrategy[Any]] = {
    "messages": st.lists(MESSAGE | ANYTHING, max_size=4) | ANYTHING,
    "prompt": TEXT | ANYTHING,
    "input": TEXT | st.lists(TEXT) | ANYTHING,
    "stream": st.booleans() | st.none() | ANYTHING,
    "stream_options": st.dictionaries(st.sampled_from(["include_usage", "continuous_usage_stats"]), ANYTHING)
    | ANYTHING,
    "temperature": st.just(0) | NUMBERS | ANYTHING,
    "seed": st.integers() | ANYTHING,
    **dict.fromkeys(("n", "max_tokens", "max_completion_tokens", "best_of", "priority"), NUMBERS | ANYTHING),
    **dict.fromkeys(("tools", "response_format", "user", "metadata", "store", "logit_bias", "stop"), ANYTHING),
}
LIMITS = {"requests_per_minute": 2**40, "tokens_per_minute": 2**40, "concurrent_requests": 1000}
REQUEST = st.fixed_dictionaries({"model": st.just("moored")}, optional=LOOKED_AT)


@pytest.fixture(scope="module")
def exposed(engine_room: EngineRoom, redis_server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    folder = tmp_path_factory.mktemp("fuzzed")
    (folder / "log").mkdir()
    with (
        RedisProcess(redis_server, folder / "redis") as redis,
        engine_room.engine() as one,
        engine_room.engine() as other,
    ):
        config = document(
            upstream("one", one.address, pool="p", max_concurrent_requests=50),
            upstream("other", other.address, pool="p", max_concurrent_requests=50),
            upstream("new", other.address, revision="r2", max_concurrent_requests=50),
            canaries=[{"model": "moored", "revision": "r2", "percent": 30}],
            keys=[{"id": KEY_ID, "sha256": sha256(KEY), "tenant": "acme"}],
            tenants=[{"id": "acme", **LIMITS, "semantic_cache": True}],
            cache={"nondeterministic": True, "semantic": {}},
            request_log={"folder": str(folder / "log"), "key_environment_variable": "LOG_KEYS", "tenants": ["acme"]},
            redis_url=redis.url,
            max_request_body_bytes=1_000_000,
        )
        path = folder / "config.json"
        path.write_text(json.dumps(config))
        with Gateway(path, environment={"LOG_KEYS": base64.b64encode(os.urandom(32)).decode()}) as running:
            eventually(lambda: running.metric("redis_available") == 1)
            yield running


@pytest.fixture
def judge(exposed: Gateway) -> Iterator[Callable[[httpx.Response], None]]:
    """Holds an answer against what is promised, and at the end the gateway."""

    def judge(answer: httpx.Response) -> None:
        assert answer.status_code in {200, 400, 404}, answer.text
        assert answer.headers["x-request-id"]
        if answer.status_code != 200:
            assert answer.json()["error"]["message"]
        elif answer.headers["content-type"].startswith("text/event-stream"):
            assert answer.text.endswith("data: [DONE]\n\n")
        else:
            assert answer.json()["usage"]

    failed_before = len(exposed.events("request_failed"))
    yield judge
    assert exposed.events("request_failed")[failed_before:] == []
    eventually(lambda: exposed.metric("requests_in_flight") == 0)
    assert exposed.metric("upstream_connections", state="busy") == 0
    assert exposed.metric("redis_failures_total", reason="reply") == 0


@pytest.mark.parametrize("path", INFERENCE)
def test_any_bytes(exposed: Gateway, judge: Callable[[httpx.Response], None], path: str) -> None:
    @FUZZED
    @given(body=st.binary(max_size=200))
    def ask(body: bytes) -> None:
        judge(exposed.client.post(path, content=body))

    ask()


@pytest.mark.parametrize("path", INFERENCE)
def test_any_json(exposed: Gateway, judge: Callable[[httpx.Response], None], path: str) -> None:
    @FUZZED
    @given(body=ANYTHING)
    def ask(body: object) -> None:
        judge(exposed.client.post(path, content=json.dumps(body)))

    ask()


@pytest.mark.parametrize("path", INFERENCE)
def test_anything_in_the_place_of_what_is_read(
    exposed: Gateway, judge: Callable[[httpx.Response], None], path: str
) -> None:
    @FUZZED
    @given(body=REQUEST)
    def ask(body: dict[str, Any]) -> None:
        judge(exposed.client.post(path, content=json.dumps(body)))

    ask()


@pytest.mark.parametrize("path", INFERENCE)
def test_a_request_that_was_cut_or_damaged(
    exposed: Gateway, judge: Callable[[httpx.Response], None], path: str
) -> None:
    @FUZZED
    @given(body=REQUEST, cut=st.floats(0, 1), damage=st.binary(max_size=3), ensure_ascii=st.booleans())
    def ask(body: dict[str, Any], cut: float, damage: bytes, *, ensure_ascii: bool) -> None:
        content = json.dumps(body, ensure_ascii=ensure_ascii).encode("utf-8", "surrogatepass")
        at = int(cut * len(content))
        judge(exposed.client.post(path, content=content[:at] + damage + content[at + len(damage) :]))

    ask()


@pytest.mark.parametrize("path", INFERENCE)
@pytest.mark.parametrize("depth", [10, 100, 900, 1_100, 100_000])
@pytest.mark.parametrize("stream", [True, False])
def test_any_depth(
    exposed: Gateway, judge: Callable[[httpx.Response], None], path: str, depth: int, *, stream: bool
) -> None:
    nested = "[" * depth + "]" * depth
    for name in ("messages", "stream_options", "other"):
        body = f'{{"model":"moored","stream":{str(stream).lower()},"{name}":{nested}}}'
        judge(exposed.client.post(path, content=body))
        judge(exposed.client.post(path, content=body.replace(nested, f'{{"a":{nested}}}')))


@pytest.mark.long
@pytest.mark.parametrize("path", INFERENCE)
def test_what_follows_the_openapi_description_for_a_model_that_is_there(
    exposed: Gateway, judge: Callable[[httpx.Response], None], path: str
) -> None:
    schema = schemathesis.openapi.from_dict(exposed.client.get("/openapi.json").json())

    @FUZZED
    @given(case=schema[path]["POST"].as_strategy())
    def ask(case: schemathesis.Case) -> None:
        assert isinstance(case.body, dict)
        judge(exposed.client.post(path, json={**case.body, "model": "moored"}))

    ask()
