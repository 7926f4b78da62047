"""Answers what is known before it leaves the edge, and sends all else to the region that was chosen for it.

Runs in Lambda@Edge, at each origin request with its body: the standard library alone, no environment, no log.
"""

import base64
import binascii
import functools
import json
import time
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from moorage.edge.intent_classifier import IntentClassifier

CLASSIFIER_NAME = "classifier.json"
MOST_RESPONSE_BYTES = 1_000_000
"""1 MB with its headers (docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/cloudfront-limits.html#
limits-lambda-at-edge, a copy, read 2026-11-26)."""
_HEADERS_BYTES = 1_000
MOST_QUESTION_CHARACTERS = 300
"""Ours: what is longer is none of the questions that a classifier knows."""
_MARK = "x-moorage-edge"
_ANSWERED_BY = "x-moorage-answered-by"
# What changes nothing of an answer that is always the same. Whoever asks for anything else, asks the model.
_HARMLESS = frozenset(
    ("model", "messages", "stream", "temperature", "top_p", "seed", "user", "max_tokens", "max_completion_tokens", "n")
)
_LEAST_TOKENS = 64


def handler(event: Mapping[str, Any], _context: object) -> Mapping[str, Any]:
    """The answer, or the request as it came, which CloudFront then sends to its origin."""
    request = cast("Mapping[str, Any]", event["Records"][0]["cf"]["request"])
    asked = _asked(request)
    if asked is None:
        return request
    answer = _classifier().answer(_question(asked))
    response = None if answer is None else _response(answer, asked["model"])
    return request if response is None else response


@functools.cache
def _classifier() -> IntentClassifier:
    return IntentClassifier(Path(__file__).parent / CLASSIFIER_NAME)


def _asked(request: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """None for whatever only a model can answer, and for whoever the viewer's function has not let in."""
    # The viewer's function takes the mark from clients that send it, and sets it itself where a key is signed.
    if [header["value"] for header in request["headers"].get(_MARK, ())] != ["accepted"]:
        return None
    if request["method"] != "POST" or request["uri"] != "/v1/chat/completions" or request.get("querystring"):
        return None
    asked = _body(request.get("body"))
    return asked if asked is not None and _is_one_plain_question(asked) else None


def _body(body: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    if not body or body.get("inputTruncated") or body.get("encoding") != "base64":
        return None
    try:
        asked = json.loads(base64.b64decode(body["data"], validate=True))
    except (binascii.Error, ValueError, RecursionError):
        return None
    return cast("Mapping[str, Any]", asked) if isinstance(asked, dict) else None


def _is_one_plain_question(asked: Mapping[str, Any]) -> bool:
    """One message of a user, all of it text, no system prompt, no stream, no tools, room for an answer."""
    if not asked.keys() <= _HARMLESS or asked.get("stream") or asked.get("n", 1) != 1:
        return False
    if not isinstance(asked.get("model"), str) or not 0 < len(asked["model"]) <= MOST_QUESTION_CHARACTERS:
        return False
    room = [asked[key] for key in ("max_tokens", "max_completion_tokens") if asked.get(key) is not None]
    if not all(isinstance(tokens, int) and tokens >= _LEAST_TOKENS for tokens in room):
        return False
    messages = asked.get("messages")
    if not isinstance(messages, list) or len(cast("Sequence[object]", messages)) != 1:
        return False
    message = cast("Sequence[object]", messages)[0]
    return isinstance(message, dict) and _is_plain(cast("Mapping[str, Any]", message))


def _is_plain(message: Mapping[str, Any]) -> bool:
    content = message.get("content")
    return (
        set(message) == {"role", "content"}
        and message["role"] == "user"
        and isinstance(content, str)
        and 0 < len(content) <= MOST_QUESTION_CHARACTERS
    )


def _question(asked: Mapping[str, Any]) -> str:
    return asked["messages"][0]["content"]


def _response(answer: str, model: str) -> Mapping[str, Any] | None:
    body = json.dumps(
        {
            "id": f"chatcmpl-{uuid.uuid4().hex}",
            "object": "chat.completion",
            "created": int(time.time()),
            "model": model,
            "choices": [
                {
                    "index": 0,
                    "message": {"role": "assistant", "content": answer},
                    "logprobs": None,
                    "finish_reason": "stop",
                }
            ],
            # No model has read or written a token.
            "usage": {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0},
        }
    )
    if len(body) + _HEADERS_BYTES > MOST_RESPONSE_BYTES:
        return None
    headers = {"content-type": "application/json", "cache-control": "no-store", _ANSWERED_BY: "edge"}
    return {
        "status": "200",
        "statusDescription": "OK",
        "headers": {name: [{"key": name, "value": value}] for name, value in headers.items()},
        "bodyEncoding": "text",
        "body": body,
    }
