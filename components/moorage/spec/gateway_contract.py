"""The contract with the gateway, as a schema and in words."""

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, cast

_FILE = "gateway-config.v1.schema.json"
# A wheel has a copy beside this module; a checkout has the original.
_PLACES = (Path(__file__).with_name(_FILE), Path(__file__).parents[3] / "contracts" / _FILE)
_LIMITS = (("minimum", "of at least"), ("exclusiveMinimum", "above"), ("maximum", "at most"))
# How the contract says that a pattern ends where the text ends, also before a last line feed.
_END = r"(?!\n)"
_KINDS = {"boolean": "true or false", "integer": "an integer", "number": "a number", "null": "null"}

Schema = Mapping[str, Any]


@cache
def contract() -> Schema:
    """The JSON Schema of the gateway's configuration document."""
    place = next(place for place in _PLACES if place.exists())
    return cast("Schema", json.loads(place.read_text()))


def resolved(schema: Schema) -> Schema:
    """What a part of the contract refers to, or the part itself."""
    reference = schema.get("$ref")
    return contract()["$defs"][reference.rpartition("/")[2]] if reference else schema


def described(schema: Schema) -> str:
    """What a part of the contract allows: "an integer of at least 1 or null"."""
    part = resolved(schema)
    if "anyOf" in part:
        return " or ".join(described(alternative) for alternative in part["anyOf"])
    if "enum" in part:
        return f"one of {', '.join(part['enum'])}"
    match part["type"]:
        case "object":
            return f"a mapping with keys out of {', '.join(part['properties'])}"
        case "array":
            return f"a list{' that is not empty' if part.get('minItems') else ''}, each {described(part['items'])}"
        case "string":
            return _text(part)
        case kind:
            return f"{_KINDS[kind]}{_limits(part)}"


def _text(part: Schema) -> str:
    if "pattern" in part:
        return f"a text like {part['pattern'].removesuffix(_END)}"
    return "a text that is not empty" if part.get("minLength") else "a text"


def _limits(part: Schema) -> str:
    return " and".join(f" {words} {part[name]}" for name, words in _LIMITS if name in part)
