"""The gateway's model of its configuration and the contract's JSON Schema accept the same documents."""

from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from moorage_serving.gateway.config.gateway import GatewayConfig

from .processes import DEAD_ADDRESS, REPOSITORY, document, upstream

if TYPE_CHECKING:
    from collections.abc import Callable

SCHEMA: dict[str, Any] = json.loads((REPOSITORY / "contracts" / "gateway-config.v1.schema.json").read_text())
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)
VALID = document(upstream("a", DEAD_ADDRESS), upstream("b", "unix:///run/engine.sock"))


def drawn_from(schema: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Documents of a schema, for the keywords that this contract uses."""
    if "$ref" in schema:
        return drawn_from(SCHEMA["$defs"][schema["$ref"].rpartition("/")[2]])
    for combination in ("anyOf", "oneOf"):
        if combination in schema:
            return st.one_of([drawn_from(part) for part in schema[combination]])
    if "const" in schema or "enum" in schema:
        return st.sampled_from(schema.get("enum", [schema.get("const")]))
    return DRAWERS[schema["type"]](schema)


def drawn_object(schema: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    parts = {name: drawn_from(part) for name, part in schema["properties"].items()}
    required = set(schema.get("required", []))
    return st.fixed_dictionaries(
        {name: part for name, part in parts.items() if name in required},
        optional={name: part for name, part in parts.items() if name not in required},
    )


def drawn_number(schema: dict[str, Any]) -> st.SearchStrategy[float]:
    above = "exclusiveMinimum" in schema
    least, most = schema["exclusiveMinimum" if above else "minimum"], schema["maximum"]
    return st.floats(least, most, exclude_min=above, allow_nan=False) | st.integers(least + above, most)


def drawn_text(schema: dict[str, Any]) -> st.SearchStrategy[str]:
    return st.from_regex(schema["pattern"]) if "pattern" in schema else st.text(min_size=schema.get("minLength", 0))


DRAWERS: dict[str, Callable[[dict[str, Any]], st.SearchStrategy[Any]]] = {
    "null": lambda _: st.none(),
    "boolean": lambda _: st.booleans(),
    "integer": lambda schema: st.integers(schema.get("minimum"), schema.get("maximum")),
    "number": drawn_number,
    "string": drawn_text,
    "array": lambda schema: st.lists(drawn_from(schema["items"]), min_size=schema.get("minItems", 0), max_size=4),
    "object": drawn_object,
}


def accepts(content: object) -> bool:
    try:
        GatewayConfig.model_validate_json(json.dumps(content))
    except ValidationError:
        return False
    return True


def is_consistent(content: dict[str, Any]) -> bool:
    """What JSON Schema cannot say: names are unique, and what is referred to exists."""
    lists = (
        [item["name"] for item in content["upstreams"]],
        [item["id"] for item in _keys(content)],
        [item["secret_arn"] for item in content.get("rotated_keys", [])],
        [item["sha256"] for item in content.get("keys", [])],
        [item["id"] for item in content.get("tenants", [])],
        [item["model"] for item in content.get("canaries", [])],
    )
    served = {name for item in content["upstreams"] for name in (item["model"], *item.get("adapters", []))}
    asked = {name for tenant in content.get("tenants", []) for name in tenant.get("models") or []}
    tenants = {tenant["id"] for tenant in content.get("tenants", [])}
    named = {key["tenant"] for key in _keys(content) if key.get("tenant") is not None}
    revisions = {(item["model"], item["revision"]) for item in content["upstreams"]}
    canaries = {(item["model"], item["revision"]) for item in content.get("canaries", [])}
    semantic = any(tenant.get("semantic_cache") for tenant in content.get("tenants", []))
    admission = {"deadline_seconds": 60, "max_deadline_seconds": 600, **content.get("admission", {})}
    return (
        all(len(values) == len(set(values)) for values in lists)
        and asked <= served
        and named <= tenants
        and canaries <= revisions
        and admission["deadline_seconds"] <= admission["max_deadline_seconds"]
        and (not semantic or (content.get("cache") or {}).get("semantic") is not None)
    )


def _keys(content: dict[str, Any]) -> list[dict[str, Any]]:
    return [*content.get("keys", []), *content.get("rotated_keys", [])]


@st.composite
def documents(draw: st.DrawFn) -> dict[str, Any]:
    """Documents of the schema, with references mended so that few have to be thrown away."""
    content = draw(drawn_from(SCHEMA))
    upstreams, tenants = content["upstreams"], content.get("tenants", [])
    for key in _keys(content):
        key["tenant"] = draw(st.sampled_from([tenant["id"] for tenant in tenants])) if tenants else None
    for tenant in tenants:
        tenant["models"] = draw(st.none() | st.just([upstreams[0]["model"]]))
        tenant["semantic_cache"] = False
    content["canaries"] = [
        {**canary, "model": upstreams[0]["model"], "revision": upstreams[0]["revision"]}
        for canary in content.get("canaries", [])[:1]
    ]
    if "admission" in content:
        content["admission"].pop("max_deadline_seconds", None)
        content["admission"]["deadline_seconds"] = draw(st.integers(1, 600))
    if content.get("redis_url") is None:
        content["cache"] = None
    else:
        content["redis_url_environment_variable"] = None
    assume(VALIDATOR.is_valid(content))
    assume(is_consistent(content))
    return content


@pytest.mark.long
@settings(deadline=None, max_examples=60)
@given(documents())
def test_every_document_of_the_schema_is_accepted(content: dict[str, Any]) -> None:
    assert accepts(content)


@pytest.mark.long
@settings(deadline=None, max_examples=60)
@given(documents())
def test_whatever_the_model_writes_is_valid_under_the_schema(content: dict[str, Any]) -> None:
    config = GatewayConfig.model_validate_json(json.dumps(content))
    written = config.model_dump_json()
    VALIDATOR.validate(json.loads(written))
    assert GatewayConfig.model_validate_json(written) == config


ODD_ADDRESSES = ["http://h:1\n", "http://h/", "https://h", "http://u:p@h", "http://h h", "http://[::1]:80"]
ODD_PATHS = ["unix://relative", "unix:///a b", "unix:///a?b", "redis://h:1/0", "rediss://:p@h", "redis://h:port"]
ODD_TEXTS = ["", "x", "a\n", "A" * 64, "a" * 64, "a" * 64 + "\n", "none", "api_keys", "VARIABLE", "1VARIABLE"]
ODD_VALUES = [None, True, 0, 1, -1, 1.5, [], {}, 86_400, 86_401, 1024, 1023]
ODD = st.sampled_from([*ODD_ADDRESSES, *ODD_PATHS, *ODD_TEXTS, *ODD_VALUES])


@st.composite
def bent_documents(draw: st.DrawFn) -> dict[str, Any]:
    """A valid document with one value replaced, removed or added somewhere."""
    content = copy.deepcopy(VALID)
    content["redis_url"] = None
    content["upstreams"][0] |= {"authentication": {"bearer_token_environment_variable": "T"}, "region": None}
    content["upstreams"][0]["max_concurrent_requests"] = 1
    places = [
        content,
        content["upstreams"][0],
        content["upstreams"][0]["authentication"],
        content["keys"][0],
        content["timeouts"],
    ]
    place = draw(st.sampled_from(places))
    key = draw(st.sampled_from([*place, "surplus"]))
    if draw(st.booleans()):
        place.pop(key, None)
    else:
        place[key] = draw(ODD)
    return content


@settings(deadline=None, max_examples=400)
@given(bent_documents())
def test_both_refuse_the_same_documents(content: dict[str, Any]) -> None:
    assert accepts(content) == VALIDATOR.is_valid(content)


def test_names_must_be_unique() -> None:
    assert not accepts(document(upstream("a", DEAD_ADDRESS), upstream("a", DEAD_ADDRESS)))


def test_a_configuration_cannot_be_changed() -> None:
    config = GatewayConfig.model_validate_json(json.dumps(VALID))
    with pytest.raises(ValidationError):
        config.version = 2  # type: ignore[misc, assignment]
