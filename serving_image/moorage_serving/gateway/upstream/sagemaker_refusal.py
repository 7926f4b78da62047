"""What SageMaker says instead of the model's answer, and what a client is told then.

Errors of the API (restJson1): docs.aws.amazon.com/sagemaker/latest/APIReference/API_runtime_InvokeEndpoint.html, and
those that all AWS services share: docs.aws.amazon.com/sagemaker/latest/APIReference/CommonErrors.html (2026-11).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import orjson

from moorage_serving.gateway.errors import (
    RETRY_AFTER,
    GatewayError,
    request_too_large,
    upstream_failed,
    upstream_timeout,
)
from moorage_serving.gateway.upstream.cloud_http import CompleteAnswer, answer_of
from moorage_serving.gateway.upstream.connections import ConnectError

if TYPE_CHECKING:
    from collections.abc import Mapping

# The API's own limit on Body, for streams too (botocore 1.43, sagemaker-runtime 2017-05-13, shape BodyBlob).
MAX_BODY_BYTES = 6_291_456
# Other credentials may be accepted: these have expired, or were replaced.
CREDENTIALS_REFUSED = frozenset(
    {"ExpiredToken", "ExpiredTokenException", "InvalidClientTokenId", "UnrecognizedClientException"}
)
SIGNATURE_REFUSED = CREDENTIALS_REFUSED | {
    *("AccessDenied", "AccessDeniedException", "IncompleteSignature", "IncompleteSignatureException"),
    *("InvalidSignatureException", "MissingAuthenticationToken", "MissingAuthenticationTokenException"),
    *("NotAuthorized", "OptInRequired", "RequestExpired", "SignatureDoesNotMatch"),
}
THROTTLED = frozenset({"LimitExceededException", "ThrottledException", "Throttling", "ThrottlingException"})
MAX_MESSAGE_CHARACTERS = 300


@dataclass(frozen=True)
class Refusal:
    """An error answer, taken apart. `document` can hold the model's words: never log it."""

    status: int
    error_type: str
    document: dict[str, object]

    @classmethod
    def parse(cls, status: int, headers: Mapping[str, str], body: bytes) -> Self:
        """Never fails: what is not an AWS error has the type `HTTP <status>`."""
        document = json_object(body)
        # The header can carry more behind a colon, the body a namespace before a hash.
        error_type = headers.get("x-amzn-errortype") or str(document.get("__type") or document.get("code") or "")
        error_type = error_type.partition(":")[0].rpartition("#")[2]
        return cls(status, error_type or f"HTTP {status}", document)

    @property
    def is_about_credentials(self) -> bool:
        return self.error_type in CREDENTIALS_REFUSED

    @property
    def is_alive(self) -> bool:
        """SageMaker took the signature, and is not out of order."""
        return self.status < 500 and self.error_type not in SIGNATURE_REFUSED

    def told(self) -> CompleteAnswer:
        """The client's answer. Raises ConnectError where another engine should be tried: the model saw nothing."""
        if self.error_type == "ModelError":
            return self._model_error()
        if self.error_type in THROTTLED or (self.status == 429 and self.error_type != "ModelNotReadyException"):
            return answer_of(throttled())
        if self.error_type in {"ModelNotReadyException", "ServiceUnavailable"} or self.status == 503:
            return answer_of(not_ready())
        if self.status == 413:
            return answer_of(request_too_large(MAX_BODY_BYTES))
        if self.status >= 500:
            return answer_of(upstream_failed("SageMaker failed to invoke the model."))
        raise ConnectError(self._configuration_error())

    def _model_error(self) -> CompleteAnswer:
        """The model's own error: its status, and its body as far as SageMaker kept it (2048 characters)."""
        status, message = self.document.get("OriginalStatusCode"), self.document.get("OriginalMessage")
        if status == 0:
            # A container that did not answer within 60 seconds.
            return answer_of(upstream_timeout("The model did not answer within SageMaker's limit."))
        if not isinstance(status, int) or not 400 <= status <= 599 or not isinstance(message, str):
            return answer_of(upstream_failed("The model failed."))
        if json_object(message.encode()):
            return CompleteAnswer(status, message.encode())
        error_type = "invalid_request_error" if status < 500 else "server_error"
        return answer_of(GatewayError(status, "model_error", message, type=error_type))

    def _configuration_error(self) -> str:
        """For the log. A ValidationError says which: no such endpoint, no capacity, no component named.

        Its message has no part of the body, which the API marks as sensitive. That of a signature error repeats
        signed headers, which include a session token.
        """
        if self.error_type != "ValidationError":
            return self.error_type
        message = self.document.get("Message") or self.document.get("message") or ""
        return f"{self.error_type}: {str(message)[:MAX_MESSAGE_CHARACTERS]}"


def throttled() -> GatewayError:
    message = "The cloud limits how fast this model is asked. Try again later."
    return GatewayError(429, "upstream_throttled", message, type="rate_limit_error", headers=RETRY_AFTER)


def not_ready() -> GatewayError:
    message = "The model is not ready. Try again later."
    return GatewayError(503, "upstream_not_ready", message, type="upstream_error", headers=RETRY_AFTER)


def json_object(body: bytes) -> dict[str, object]:
    """Empty for anything else than a JSON object."""
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    return document if isinstance(document, dict) else {}
