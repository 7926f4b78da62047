"""The JSON Schema of the configuration, for those who write documents without importing this package."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from pydantic.json_schema import GenerateJsonSchema

from moorage_serving.gateway.config.gateway import GatewayConfig

if TYPE_CHECKING:
    from pydantic_core import core_schema

NEEDS_KEYS = {
    "if": {"properties": {"authentication": {"const": "none"}}, "required": ["authentication"]},
    "else": {"required": ["keys"], "properties": {"keys": {"minItems": 1}}},
}
NEEDS_REDIS = {
    "if": {"properties": {"cache": {"type": "object"}}, "required": ["cache"]},
    "then": {"required": ["redis_url"], "properties": {"redis_url": {"type": "string"}}},
}


class ContractSchema(GenerateJsonSchema):
    """Without titles, which only repeat names.

    Patterns end where the text ends, in every language: in some, `$` also matches before a last line feed.
    """

    def field_title_should_be_set(self, schema: object) -> bool:
        del schema
        return False

    def str_schema(self, schema: core_schema.StringSchema) -> dict[str, Any]:
        result = super().str_schema(schema)
        if "pattern" in result:
            result["pattern"] = result["pattern"].removesuffix("$") + r"$(?!\n)"
        return result


def render_schema() -> str:
    """The contract as JSON text."""
    schema = GatewayConfig.model_json_schema(schema_generator=ContractSchema, mode="validation")
    head = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:moorage:gateway-config:v1",
        "allOf": [NEEDS_KEYS, NEEDS_REDIS],
    }
    return json.dumps({**head, **schema, "title": "Gateway configuration, version 1"}, indent=2) + "\n"
