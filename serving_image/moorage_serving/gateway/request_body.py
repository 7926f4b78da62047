"""Reads and judges the body of a request: no more of it than the gateway has to know."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import orjson

from moorage_serving.gateway.errors import invalid_request, request_too_large

if TYPE_CHECKING:
    from starlette.types import Receive

FORCED_STREAM_OPTIONS = b',"stream_options":{"include_usage":true}}'


class ClientGoneError(Exception):
    """The client left before its request was complete."""


@dataclass(slots=True)
class InferenceRequest:
    """`document` is what the client sent, `body` what the engine gets. Both are dropped once the engine has them: a
    stream can be open for long after a large prompt.

    `strips_usage`: the engine is asked for usage that the client did not ask for.
    """

    model: str
    stream: bool
    document: dict[str, object]
    body: bytes
    strips_usage: bool

    def drop(self) -> None:
        """Let go of the prompt."""
        self.document = {}
        self.body = b""


async def read_body(receive: Receive, content_length: bytes | None, limit_bytes: int) -> bytes:
    """The whole body. Raises GatewayError (413) as soon as it is known to be too large, ClientGoneError."""
    if content_length is not None and int(content_length) > limit_bytes:
        raise request_too_large(limit_bytes)
    pieces: list[bytes] = []
    received_bytes = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGoneError
        pieces.append(message["body"])
        received_bytes += len(message["body"])
        if received_bytes > limit_bytes:
            raise request_too_large(limit_bytes)
        if not message.get("more_body", False):
            return pieces[0] if len(pieces) == 1 else b"".join(pieces)


def parse_request(body: bytes, *, can_stream: bool) -> InferenceRequest:
    """Judge a body; raises GatewayError (400) that names the parameter. Engines judge everything else."""
    document = _parse_object(body)
    model, stream = document.get("model"), document.get("stream")
    if not isinstance(model, str) or not model:
        raise invalid_request("`model` must be given, as a string.", param="model")
    if not isinstance(stream, bool | None):
        raise invalid_request("`stream` must be true or false.", param="stream")
    options = document.get("stream_options")
    if not can_stream or not stream or not isinstance(options, dict | None):
        return InferenceRequest(model, bool(stream) and can_stream, document, body, strips_usage=False)
    if options is not None and options.get("include_usage") is True:
        return InferenceRequest(model, True, document, body, strips_usage=False)
    return InferenceRequest(model, True, document, _ask_for_usage(document, body), strips_usage=True)


def _parse_object(body: bytes) -> dict[str, object]:
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        # Not chained, and without the parser's message: both can carry the text of the body.
        raise invalid_request("The request body is not valid JSON.", code="invalid_json") from None
    if not isinstance(document, dict):
        raise invalid_request("The request body must be a JSON object.", code="invalid_json")
    return document


def _ask_for_usage(document: dict[str, object], body: bytes) -> bytes:
    if "stream_options" not in document:
        # Appended to the client's own bytes: prompts are long, and numbers survive as they were written.
        return body.rstrip()[:-1] + FORCED_STREAM_OPTIONS
    options = document["stream_options"]
    kept = options if isinstance(options, dict) else {}
    kept = {name: value for name, value in kept.items() if name != "continuous_usage_stats"}
    try:
        return orjson.dumps({**document, "stream_options": {**kept, "include_usage": True}})
    except orjson.JSONEncodeError:
        raise invalid_request("The request body is nested too deeply.", code="invalid_json") from None
