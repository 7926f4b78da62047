"""The package's schema, as a file: who asks for it waits for no cloud's SDK."""

import inspect
import json
from importlib import metadata
from pathlib import Path

from pulumi.provider.experimental.schema import generate_schema
from pydantic import JsonValue

from moorage.plugin.analysis import PACKAGE, PackageAnalyzer
from moorage.plugin.components import COMPONENTS, component

FILE = Path(__file__).with_name("schema.json")
_PARTS = frozenset({"items", "additionalProperties"})
"""The analyzer repeats the whole property's description in these."""


def rendered_schema() -> str:
    """The schema from all components' annotations and docstrings, as `FILE` has it. Imports all clouds' SDKs."""
    found = PackageAnalyzer().analyze([component(name) for name in COMPONENTS])
    schema = generate_schema(
        PACKAGE,
        metadata.version(PACKAGE),
        None,
        found["component_definitions"],
        found["type_definitions"],
        sorted(found["dependencies"], key=str),
    )
    described = {"description": metadata.metadata(PACKAGE)["Summary"], **schema.to_json()}
    return json.dumps(_tidy(described), indent=2, ensure_ascii=False) + "\n"


def _tidy(value: JsonValue, key: str = "") -> JsonValue:
    """Without what is not there or is there twice, and without the source's indentation in descriptions."""
    if isinstance(value, dict):
        kept = {name: part for name, part in value.items() if part is not None and part != []}
        if key in _PARTS:
            kept.pop("description", None)
        return {name: _tidy(part, name) for name, part in kept.items()}
    if isinstance(value, list):
        return [_tidy(part) for part in value]
    return inspect.cleandoc(value) if key == "description" and isinstance(value, str) else value


if __name__ == "__main__":
    FILE.write_text(rendered_schema())
