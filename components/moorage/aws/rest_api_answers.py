"""What an API of API Gateway answers by itself, and what it writes down: in OpenAI's form, and without any text."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

_CONTENT_TYPE = "application/json"


@dataclass(frozen=True)
class GatewayResponse:
    """An answer for which no function has run, as OpenAI's clients understand it: `{"error": {…}}`."""

    status_code: str | None
    """None: as API Gateway would have it."""
    type: str
    code: str
    message: str
    headers: Mapping[str, str]

    @property
    def response_templates(self) -> Mapping[str, str]:
        """`message` is text or one of API Gateway's variables, which has its quotes already."""
        message = self.message if self.message.startswith("$") else json.dumps(self.message)
        fixed = json.dumps({"type": self.type, "param": None, "code": self.code}).removeprefix("{")
        return {_CONTENT_TYPE: f'{{"error": {{"message": {message}, {fixed}}}'}

    @property
    def response_parameters(self) -> Mapping[str, str]:
        return {f"gatewayresponse.header.{name}": f"'{value}'" for name, value in self.headers.items()}


_ANY_MESSAGE = "$context.error.messageString"
_BEARER = {"WWW-Authenticate": "Bearer"}
# As the gateway's own (moorage_serving/gateway/errors.py), so that a client sees one API.
RESPONSES: Mapping[str, GatewayResponse] = {
    "UNAUTHORIZED": GatewayResponse(
        "401",
        "authentication_error",
        "invalid_api_key",
        "An API key is needed: send it as `Authorization: Bearer KEY`.",
        _BEARER,
    ),
    "ACCESS_DENIED": GatewayResponse(
        "401", "authentication_error", "invalid_api_key", "The API key is not known, or not from this network.", _BEARER
    ),
    "MISSING_AUTHENTICATION_TOKEN": GatewayResponse(
        "404", "invalid_request_error", "unknown_url", "There is nothing at this path.", {}
    ),
    "THROTTLED": GatewayResponse(
        "429", "rate_limit_error", "rate_limit_exceeded", "Too many requests at once.", {"Retry-After": "1"}
    ),
    "REQUEST_TOO_LARGE": GatewayResponse(
        "413", "invalid_request_error", "request_too_large", "The request is larger than AWS Lambda takes.", {}
    ),
    "DEFAULT_4XX": GatewayResponse(None, "invalid_request_error", "invalid_request", _ANY_MESSAGE, {}),
    "DEFAULT_5XX": GatewayResponse(None, "server_error", "server_error", _ANY_MESSAGE, {"Retry-After": "1"}),
}
"""By the types of docs.aws.amazon.com/apigateway/latest/developerguide/supported-gateway-response-types.html (read
2026-11-25)."""

# docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-variables-for-access-logging.html (read 2026-11-25).
# `path` and the query are not among them: a path is what a client has written.
_FIELDS = {
    "request_id": "requestId",
    "time": "requestTimeEpoch",
    "method": "httpMethod",
    "resource": "resourcePath",
    "status": "status",
    "key_id": "authorizer.principalId",
    "source_ip": "identity.sourceIp",
    "authorizer_milliseconds": "authorizer.latency",
    "integration_status": "integration.status",
    "integration_milliseconds": "integration.latency",
    "response_milliseconds": "responseLatency",
    "response_bytes": "responseLength",
    "error_type": "error.responseType",
    "tls_version": "tlsVersion",
}


def access_log_format() -> str:
    """One line of JSON for each request: who, when, how long and how it ended; nothing of what was asked."""
    return json.dumps({name: f"$context.{variable}" for name, variable in _FIELDS.items()})
