"""Describes the inference endpoints for /openapi.json; they are no routes of the framework.

Only what the gateway itself reads is described: engines differ in the rest, and judge it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fastapi import FastAPI


class ErrorDetail(BaseModel):
    message: str
    type: str
    param: str | None
    code: str | int | None


class ErrorDocument(BaseModel):
    """Every error, the gateway's own and the engines'."""

    error: ErrorDetail


class StreamOptions(BaseModel):
    model_config = ConfigDict(extra="allow")

    include_usage: bool = False


class InferenceBody(BaseModel):
    """The part of a request that the gateway reads."""

    model_config = ConfigDict(extra="allow")

    model: str = Field(min_length=1)
    stream: bool | None = None
    stream_options: StreamOptions | None = None


DESCRIPTIONS = {
    400: "The body is not what it has to be; `param` names the culprit.",
    401: "The API key is missing or not known.",
    403: "The key belongs to no administrator.",
    404: "The model does not exist; the message names those that do.",
    405: "Only POST is allowed here.",
    409: "Another one has not ended yet.",
    413: "The body is larger than `max_request_body_bytes`.",
    429: "A limit of the tenant is reached; x-ratelimit-* and Retry-After say which and until when.",
    500: "The engine or the gateway failed.",
    502: "The engine broke off before its answer began.",
    503: "No engine can be reached, or all are at their limit; Retry-After says when to try again.",
    504: "The engine did not begin its answer in time.",
}
OPERATIONS = {
    "/v1/chat/completions": "A chat completion, streamed when `stream` is true.",
    "/v1/completions": "A completion, streamed when `stream` is true.",
    "/v1/embeddings": "Embeddings.",
}


def error_responses(statuses: Iterable[int]) -> dict[int | str, dict[str, Any]]:
    """`responses` of a route that can answer these errors."""
    return {status: {"model": ErrorDocument, "description": DESCRIPTIONS[status]} for status in statuses}


def describe_inference(application: FastAPI) -> None:
    """Make `application.openapi()` include the inference endpoints."""
    generate = application.openapi

    def openapi() -> dict[str, Any]:
        if application.openapi_schema is None:
            schema = generate()
            schemas = schema.setdefault("components", {}).setdefault("schemas", {})
            for model in (InferenceBody, ErrorDocument):
                described = model.model_json_schema(ref_template="#/components/schemas/{model}")
                schemas.update(described.pop("$defs", {}))
                schemas[model.__name__] = described
            for path, summary in OPERATIONS.items():
                schema["paths"][path] = {"post": _operation(path, summary)}
            application.openapi_schema = schema
        return application.openapi_schema

    application.openapi = openapi


def _operation(path: str, summary: str) -> dict[str, Any]:
    answers: dict[str, Any] = {"application/json": {}}
    if path != "/v1/embeddings":
        answers["text/event-stream"] = {}
    responses: dict[str, Any] = {"200": {"description": "The engine's answer, byte for byte.", "content": answers}}
    error = {"application/json": {"schema": {"$ref": "#/components/schemas/ErrorDocument"}}}
    for status, description in DESCRIPTIONS.items():
        responses[str(status)] = {"description": description, "content": error}
    body = {"application/json": {"schema": {"$ref": "#/components/schemas/InferenceBody"}}}
    return {
        "operationId": path.removeprefix("/v1/").replace("/", "_"),
        "summary": summary,
        "requestBody": {"required": True, "content": body},
        "responses": responses,
    }
