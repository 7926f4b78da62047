"""The package's schema, as a file: who asks for it waits for no cloud's SDK."""

import inspect
import json
from importlib import metadata
from pathlib import Path
from typing import Any

from pulumi.provider.experimental.schema import generate_schema

from moorage.plugin.analysis import PACKAGE, PackageAnalyzer
from moorage.plugin.components import COMPONENTS, component

FILE = Path(__file__).with_name("schema.json")


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
    return json.dumps(_tidy(schema.to_json()), indent=2, ensure_ascii=False) + "\n"


def _tidy(value: Any) -> Any:
    """Without what is not there, and without the source's indentation in descriptions."""
    if isinstance(value, dict):
        return {
            key: inspect.cleandoc(part) if key == "description" and isinstance(part, str) else _tidy(part)
            for key, part in value.items()
            if part is not None
        }
    return [_tidy(part) for part in value] if isinstance(value, list) else value
