"""Writes what follows from the gateway's settings: the contract's JSON Schema and docs/gateway-settings.md.

`python -m tools.gateway_reference`, or `make reference`. A test fails when either is not what this writes.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from moorage_serving.gateway.config.schema import render_schema

REPOSITORY = Path(__file__).parents[1]
SCHEMA = REPOSITORY / "contracts" / "gateway-config.v1.schema.json"
REFERENCE = REPOSITORY / "docs" / "gateway-settings.md"
HEAD = """# Settings of the gateway

Every key of the configuration file, generated from its model: do not edit, run `make reference`. The file is JSON;
unknown keys, wrong types and missing parts stop the start, with all findings at once. `python -m
moorage_serving.gateway check --config FILE` says the same without starting.
"""


def render_reference(schema: dict[str, Any]) -> str:
    """Markdown: the document first, then its parts in the order in which they are first mentioned."""
    parts: dict[str, dict[str, Any]] = {}
    collect(schema, schema, parts)
    sections = [section("The document", schema), *(section(name, part) for name, part in parts.items())]
    return "\n".join([HEAD, *sections])


def collect(schema: dict[str, Any], part: dict[str, Any], parts: dict[str, dict[str, Any]]) -> None:
    """Add what `part` refers to, and what that refers to."""
    for key in part["properties"].values():
        for name in references(key):
            if name not in parts:
                parts[name] = schema["$defs"][name]
                collect(schema, schema["$defs"][name], parts)


def references(value: Any) -> list[str]:
    """Names of the parts that a key can have as value."""
    if isinstance(value, dict):
        own = [value["$ref"].rpartition("/")[2]] if "$ref" in value else []
        return own + [name for key, inner in value.items() if key != "discriminator" for name in references(inner)]
    return [name for item in value for name in references(item)] if isinstance(value, list) else []


def section(name: str, part: dict[str, Any]) -> str:
    rows = [row(key, value, required=key in part.get("required", [])) for key, value in part["properties"].items()]
    table = "\n".join(["| key | value | default | |", "|---|---|---|---|", *rows])
    return f"## {name}\n\n{one_line(part['description'])}\n\n{table}\n"


def row(key: str, value: dict[str, Any], *, required: bool) -> str:
    default = "required" if required else f"`{json.dumps(value.get('default'))}`"
    return f"| `{key}` | {kind(value)} | {default} | {one_line(value.get('description', ''))} |"


def kind(value: dict[str, Any]) -> str:
    """What is allowed, in a few words."""
    if "$ref" in value:
        name = value["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    for combination in ("anyOf", "oneOf"):
        if combination in value:
            return " or ".join(kind(part) for part in value[combination])
    if "const" in value or "enum" in value:
        return ", ".join(f"`{json.dumps(item)}`" for item in value.get("enum", [value.get("const")]))
    if value["type"] == "array":
        return f"list of {kind(value['items'])}"
    return f"{value['type']}{limits(value)}"


def limits(value: dict[str, Any]) -> str:
    names = {"exclusiveMinimum": "above", "minimum": "from", "maximum": "to", "minLength": "length from"}
    said = [f"{word} {value[name]}" for name, word in names.items() if name in value]
    return f" {' '.join(said)}" if said else ""


def one_line(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def main() -> None:
    schema = render_schema()
    SCHEMA.write_text(schema)
    REFERENCE.write_text(render_reference(json.loads(schema)))


if __name__ == "__main__":
    main()
