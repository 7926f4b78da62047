"""The gateway's model of its configuration and the contract's JSON Schema accept the same documents."""

from __future__ import annotations

import copy
import json
from typing import Any

import jsonschema
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis_jsonschema import from_schema
from pydantic import ValidationError

from moorage_serving.gateway.config import GatewayConfig

from .processes import DEAD_ADDRESS, REPOSITORY, document, upstream

SCHEMA: dict[str, Any] = json.loads((REPOSITORY / "contracts" / "gateway-config.v1.schema.json").read_text())
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)
VALID = document(upstream("a", DEAD_ADDRESS), upstream("b", "unix:///run/engine.sock"))


def accepts(content: object) -> bool:
    try:
        GatewayConfig.model_validate_json(json.dumps(content))
    except ValidationError:
        return False
    return True


def has_unique_names(content: dict[str, Any]) -> bool:
    """What JSON Schema cannot say."""
    lists = (
        [item["name"] for item in content["upstreams"]],
        [item["id"] for item in content.get("keys", [])],
        [item["sha256"] for item in content.get("keys", [])],
    )
    return all(len(values) == len(set(values)) for values in lists)


@settings(deadline=None, max_examples=150)
@given(from_schema(SCHEMA))
def test_every_document_of_the_schema_is_accepted(content: dict[str, Any]) -> None:
    assume(has_unique_names(content))
    assert accepts(content)


@settings(deadline=None, max_examples=150)
@given(from_schema(SCHEMA))
def test_whatever_the_model_writes_is_valid_under_the_schema(content: dict[str, Any]) -> None:
    assume(has_unique_names(content))
    config = GatewayConfig.model_validate_json(json.dumps(content))
    written = config.model_dump_json()
    VALIDATOR.validate(json.loads(written))
    assert GatewayConfig.model_validate_json(written) == config


ODD = st.sampled_from(
    [None, True, 0, 1, -1, 1.5, "", "x", [], {}, "a\n", "http://h:1\n", "http://h/", "https://h", "http://u:p@h", "http://h h", "unix://relative", "unix:///a b", "unix:///a?b", "http://[::1]:80", "redis://h:1/0", "rediss://:p@h", "redis://h:port", "A" * 64, "a" * 64, "a" * 64 + "\n", 86400, 86401, 1024, 1023, "none", "api_keys", "VARIABLE", "1VARIABLE"]
)


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


def test_defaults_are_the_contracts() -> None:
    defaults = {name: part["default"] for name, part in SCHEMA["properties"].items() if "default" in part}
    config = GatewayConfig.model_validate_json(json.dumps({**VALID, "timeouts": {}}))
    written = config.model_dump(mode="json")
    assert {name: written[name] for name in defaults if name not in {"keys", "timeouts"}} == {
        name: value for name, value in defaults.items() if name not in {"keys", "timeouts"}
    }
    times = SCHEMA["$defs"]["timeouts"]["properties"]
    assert written["timeouts"] == {name: part["default"] for name, part in times.items()}
