"""The document that `LocalGateway` writes, under the contract that it shares with the gateway."""

import hashlib
import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from moorage.local.gateway import DOCUMENT_NAME, LocalGateway
from moorage.local.vllm import LocalVllm
from moorage.spec import SpecError
from moorage.spec.gateway_document import Key, Upstream, render_gateway_document

from .examples import EXAMPLES, UPSTREAM, component
from .recording import Recording, Secret, run_program, value_of

SCHEMA = json.loads((Path(__file__).parents[2] / "contracts" / "gateway-config.v1.schema.json").read_text())
CONTRACT = jsonschema.Draft202012Validator(SCHEMA)
GENERATED_KEY = "moorage-gateway-key-plaintext"

names = st.from_regex(r"[a-zA-Z0-9][a-zA-Z0-9._-]{0,20}", fullmatch=True)
addresses = st.from_regex(r"https?://[A-Za-z0-9._-]{1,20}(:[0-9]{1,5})?|unix:///[A-Za-z0-9 ._/-]{1,40}", fullmatch=True)
texts = st.text(min_size=1, max_size=20)
upstreams: st.SearchStrategy[Any] = st.fixed_dictionaries(
    {"name": names, "kind": st.just("openai-http"), "address": addresses, "model": texts, "revision": texts},
    optional={
        "authentication": st.builds(
            dict, bearer_token_environment_variable=st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,10}", fullmatch=True)
        ),
        "region": texts,
        "max_concurrent_requests": st.integers(1, 10_000),
    },
)
keys: st.SearchStrategy[Any] = st.builds(Key, id=names, sha256=st.from_regex(r"[0-9a-f]{64}", fullmatch=True))
tenants: st.SearchStrategy[Any] = st.lists(
    st.fixed_dictionaries({"id": names}, optional={"weight": st.integers(1, 1000), "models": st.lists(texts)})
)
settings_of_users: st.SearchStrategy[Any] = st.fixed_dictionaries(
    {},
    optional={
        "tenants": tenants,
        "keys": st.lists(keys),
        "admission": st.builds(dict, max_queue_length=st.integers(0, 1000)),
        "routing": st.builds(dict, prefix_affinity=st.booleans()),
        "timeouts": st.builds(dict, connect_seconds=st.floats(0.1, 100)),
        "telemetry": st.none() | st.just({"otlp_endpoint": "http://collector:4318"}),
        "cloudwatch_metrics": st.none() | st.just({"stack": "harbour"}),
    },
)
redis_urls = (
    st.none() | st.just("redis://cache:6379/0") | st.from_regex(r"unix:///[A-Za-z0-9./-]{1,40}", fullmatch=True)
)


def document_of(recording: Recording) -> dict[str, Any]:
    document = json.loads(recording.the("LocalProcess").inputs["files"][DOCUMENT_NAME])
    CONTRACT.validate(document)
    return document


@given(
    st.lists(upstreams, min_size=1, max_size=4), st.lists(keys, min_size=1, max_size=3), redis_urls, settings_of_users
)
def test_every_document_is_valid_and_says_what_was_given(
    engines: list[Upstream], clients: list[Key], redis_url: str | None, settings: dict[str, Any]
):
    document = json.loads(render_gateway_document(engines, clients, "api_keys", redis_url, settings))
    CONTRACT.validate(document)
    assert document == {
        **settings,
        "version": 1,
        "upstreams": engines,
        "authentication": "api_keys",
        "keys": [*clients, *settings.get("keys", [])],
        "redis_url": redis_url,
    }


@given(upstreams, keys)
def test_the_text_does_not_depend_on_the_order_of_the_fields(engine: Any, client: Any):
    def backwards(value: dict[str, Any]) -> Any:
        return dict(reversed(value.items()))

    rendered = render_gateway_document([engine], [client], "api_keys", None, {})
    assert rendered == render_gateway_document([backwards(engine)], [backwards(client)], "api_keys", None, {})


def test_the_generated_key_is_a_secret_output():
    gateway, _ = run_program(component(LocalGateway, "gateway"))
    assert value_of(gateway.api_key) == Secret(GENERATED_KEY)


def test_the_document_has_the_hash_of_the_key_alone():
    _, recording = run_program(component(LocalGateway, "gateway", tenant=...))
    digest = hashlib.sha256(GENERATED_KEY.encode()).hexdigest()
    assert document_of(recording)["keys"] == [{"id": "default", "sha256": digest}]
    assert GENERATED_KEY not in json.dumps([registration.inputs for registration in recording.registrations])


def test_without_authentication_there_is_no_key():
    gateway, recording = run_program(component(LocalGateway, "gateway", authentication="none"))
    assert recording.of_type("ApiKey") == []
    assert document_of(recording)["keys"] == []
    assert value_of(gateway.api_key) == Secret("")


@pytest.mark.parametrize("redis_url", ["unix:///run/redis.sock", ...], ids=["redis", "no redis"])
def test_usage_is_added_up_where_the_arguments_say(redis_url: Any):
    _, recording = run_program(component(LocalGateway, "gateway", redis_url=redis_url, settings=..., tenant=...))
    assert document_of(recording)["redis_url"] == (None if redis_url is ... else redis_url)


def test_several_engines_keep_their_order():
    engines = [{**UPSTREAM, "name": name} for name in ("second", "first", "third")]
    _, recording = run_program(component(LocalGateway, "gateway", upstreams=engines))
    assert document_of(recording)["upstreams"] == engines


def test_an_engine_tells_the_gateway_where_it_is_and_what_it_serves():
    engine, _ = run_program(component(LocalVllm, "engine"))
    assert value_of(engine.upstream) == {
        "name": "engine-process-abc123",
        "kind": "openai-http",
        "address": "unix:///run/engine-process.sock",
        "model": "harbour",
        "revision": EXAMPLES[LocalVllm]["revision"],
    }


def test_an_engine_behind_a_gateway_gives_a_valid_document():
    def program() -> None:
        engine = component(LocalVllm, "engine")()
        component(LocalGateway, "gateway", upstreams=[engine.upstream])()

    _, recording = run_program(program)
    (gateway,) = [found for found in recording.of_type("LocalProcess") if found.inputs["program"] == "gateway"]
    document = json.loads(gateway.inputs["files"][DOCUMENT_NAME])
    CONTRACT.validate(document)
    assert [upstream["model"] for upstream in document["upstreams"]] == ["harbour"]


def test_the_endpoint_is_the_base_url_of_an_openai_client():
    gateway, _ = run_program(component(LocalGateway, "gateway"))
    assert value_of(gateway.endpoint_url) == "http://127.0.0.1:8001/v1"


def test_settings_become_part_of_the_document():
    _, recording = run_program(component(LocalGateway, "gateway"))
    document = document_of(recording)
    assert document["tenants"] == [{"id": "pilots", "requests_per_minute": 60}]
    assert document["cache"] == {"ttl_seconds": 600}


def test_the_generated_key_has_its_tenant_and_comes_before_the_users_keys():
    pilots = {"id": "pilots-1", "sha256": "0" * 64, "tenant": "pilots"}
    settings = {"tenants": [{"id": "pilots"}], "keys": [pilots]}
    _, recording = run_program(component(LocalGateway, "gateway", settings=settings))
    first, *others = document_of(recording)["keys"]
    assert (first["id"], first["tenant"]) == ("default", "pilots")
    assert others == [pilots]


def test_a_whole_number_is_written_as_the_gateway_wants_it():
    """Pulumi hands every number over as a double."""
    _, recording = run_program(
        component(LocalGateway, "gateway", settings={"cache": {"ttl_seconds": 60.0}}, tenant=...)
    )
    assert '"ttl_seconds": 60\n' in recording.the("LocalProcess").inputs["files"][DOCUMENT_NAME]


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"settings": {"cache": {}}, "redis_url": ..., "tenant": ...}, "settings.cache: needs redis_url"),
        ({"tenant": "pirates"}, 'tenant = "pirates": must be one of pilots'),
        ({"settings": ...}, 'tenant = "pilots": must be left out, because settings.tenants is empty'),
        (
            {"settings": {"quotas": {"gateway_replicas": 0}}, "tenant": ...},
            "settings.quotas.gateway_replicas = 0: must be an integer of at least 1 and at most 9007199254740992",
        ),
    ],
    ids=["cache without Redis", "unknown tenant", "no tenants", "range"],
)
def test_settings_that_cannot_be_are_refused_before_anything_starts(changes: dict[str, object], problem: str):
    with pytest.raises(SpecError) as raised:
        run_program(component(LocalGateway, "gateway", **changes), preview=True)
    assert str(raised.value) == problem
