"""What Google says instead of the model's answer, and what a client is told then.

Google's errors are `{"error": {"code", "message", "status", "details"}}`: google.rpc.Status in the JSON form of
protobuf, `status` being the name of a google.rpc.Code (google.aip.dev/193, 2026-11). An engine's own errors pass
through the front door as they are; OpenAI's form has no such `status`.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import orjson

from moorage_serving.gateway.errors import (
    RETRY_AFTER_SECONDS,
    GatewayError,
    invalid_request,
    request_too_large,
    upstream_failed,
    upstream_timeout,
)
from moorage_serving.gateway.upstream.cloud_http import CompleteAnswer, answer_of
from moorage_serving.gateway.upstream.connections import ConnectError

if TYPE_CHECKING:
    from collections.abc import Mapping

# Of a dedicated endpoint, for requests and answers: cloud.google.com/vertex-ai/docs/predictions/choose-endpoint-type.
# It says "10 MB"; the larger reading, so that nothing is refused here that Google would take.
MAX_BODY_BYTES = 10_485_760
MAX_RETRY_AFTER_SECONDS = 60
RETRY_INFO = "type.googleapis.com/google.rpc.RetryInfo"
# Nothing has reached the model: another engine should be tried.
NOT_REACHED = frozenset({"FAILED_PRECONDITION", "NOT_FOUND", "PERMISSION_DENIED", "UNAUTHENTICATED", "UNIMPLEMENTED"})
ENGINE_FAILED = frozenset({"ABORTED", "ALREADY_EXISTS", "CANCELLED", "DATA_LOSS", "INTERNAL", "UNKNOWN"})
OTHER_CODES = frozenset({"DEADLINE_EXCEEDED", "INVALID_ARGUMENT", "OUT_OF_RANGE", "RESOURCE_EXHAUSTED", "UNAVAILABLE"})
CODES = NOT_REACHED | ENGINE_FAILED | OTHER_CODES
UNAUTHORIZED = 401


def told(status: int, headers: Mapping[str, str], body: bytes) -> CompleteAnswer:
    """The client's answer to an error. Raises ConnectError where another engine should be tried."""
    error = google_error(body)
    if error is None:
        if status == UNAUTHORIZED:
            # Engines behind Vertex AI ask for no key of their own: this is the front door, in another form.
            raise ConnectError("HTTP 401")
        content_type = headers.get("content-type", "application/json")
        return CompleteAnswer(status, body, content_type.encode("latin-1"))
    if status == 413:
        return answer_of(request_too_large(MAX_BODY_BYTES))
    code = str(error["status"])
    match code:
        case "RESOURCE_EXHAUSTED":
            return answer_of(throttled(retry_after_seconds(error)))
        case "UNAVAILABLE":
            return answer_of(not_ready(retry_after_seconds(error)))
        case "DEADLINE_EXCEEDED":
            return answer_of(upstream_timeout("The model did not answer within Vertex AI's limit."))
        case "INVALID_ARGUMENT" | "OUT_OF_RANGE":
            return answer_of(invalid_request("Vertex AI does not take this request."))
        case _ if code in NOT_REACHED:
            # Without Google's message: it can name the caller's account.
            raise ConnectError(code)
        case _:
            return answer_of(upstream_failed("Vertex AI failed to ask the model."))


def google_error(body: bytes) -> dict[str, object] | None:
    """The `error` of a google.rpc.Status in JSON; None for any other body, such as an engine's error."""
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    # Errors of streaming methods come as a list of one.
    if isinstance(document, list) and document:
        document = document[0]
    error = document.get("error") if isinstance(document, dict) else None
    return error if isinstance(error, dict) and error.get("status") in CODES else None


def retry_after_seconds(error: dict[str, object]) -> int:
    """What google.rpc.RetryInfo says, in whole seconds from 1 to 60; 1 without one."""
    details = error.get("details")
    for detail in details if isinstance(details, list) else []:
        if isinstance(detail, dict) and detail.get("@type") == RETRY_INFO:
            try:
                # The JSON form of google.protobuf.Duration: decimal seconds and an "s".
                seconds = math.ceil(float(str(detail.get("retryDelay")).removesuffix("s")))
            except (ValueError, OverflowError):
                continue
            return min(max(seconds, RETRY_AFTER_SECONDS), MAX_RETRY_AFTER_SECONDS)
    return RETRY_AFTER_SECONDS


def throttled(retry_seconds: int) -> GatewayError:
    message = "The cloud limits how fast this model is asked. Try again later."
    headers = ((b"retry-after", b"%d" % retry_seconds),)
    return GatewayError(429, "upstream_throttled", message, type="rate_limit_error", headers=headers)


def not_ready(retry_seconds: int) -> GatewayError:
    message = "The model is not ready. Try again later."
    headers = ((b"retry-after", b"%d" % retry_seconds),)
    return GatewayError(503, "upstream_not_ready", message, type="upstream_error", headers=headers)
