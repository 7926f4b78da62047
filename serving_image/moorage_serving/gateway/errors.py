"""Errors as OpenAI's clients understand them: `{"error": {"message", "type", "param", "code"}}`."""

from __future__ import annotations

from dataclasses import dataclass

import orjson

RETRY_AFTER_SECONDS = 1


@dataclass
class GatewayError(Exception):
    """An answer that the gateway gives itself. `message` never contains anything of a prompt or a completion."""

    status: int
    code: str
    message: str
    type: str = "invalid_request_error"
    param: str | None = None
    headers: tuple[tuple[bytes, bytes], ...] = ()

    def document(self) -> dict[str, dict[str, str | None]]:
        """The answer's body."""
        return {"error": {"message": self.message, "type": self.type, "param": self.param, "code": self.code}}

    def body(self) -> bytes:
        """The answer's body as JSON."""
        return orjson.dumps(self.document())


RETRY_AFTER = ((b"retry-after", b"%d" % RETRY_AFTER_SECONDS),)


def invalid_request(message: str, *, param: str | None = None, code: str = "invalid_request") -> GatewayError:
    return GatewayError(400, code, message, param=param)


def invalid_api_key(message: str) -> GatewayError:
    headers = ((b"www-authenticate", b"Bearer"),)
    return GatewayError(401, "invalid_api_key", message, type="authentication_error", headers=headers)


def keys_unavailable() -> GatewayError:
    message = "The keys cannot be read at the moment. Try again later."
    return GatewayError(503, "keys_unavailable", message, type="server_error", headers=RETRY_AFTER)


def admin_only() -> GatewayError:
    return GatewayError(403, "admin_only", "Only keys of administrators may ask for this.", type="permission_error")


def model_not_found(available: list[str]) -> GatewayError:
    message = f"The model does not exist. Available models: {', '.join(available)}"
    return GatewayError(404, "model_not_found", message, param="model")


def unknown_route() -> GatewayError:
    return GatewayError(404, "unknown_url", "There is nothing at this path.")


def method_not_allowed(allowed: str) -> GatewayError:
    headers = ((b"allow", allowed.encode()),)
    return GatewayError(405, "method_not_allowed", f"Only {allowed} is allowed here.", headers=headers)


def request_too_large(limit_bytes: int) -> GatewayError:
    return GatewayError(413, "request_too_large", f"The request body must not be larger than {limit_bytes} bytes.")


def internal_error() -> GatewayError:
    return GatewayError(500, "internal_error", "The gateway failed.", type="server_error")


def upstream_failed(message: str) -> GatewayError:
    return GatewayError(502, "upstream_failed", message, type="upstream_error", headers=RETRY_AFTER)


def upstream_unreachable() -> GatewayError:
    message = "No engine that serves this model can be reached. Try again later."
    return GatewayError(503, "upstream_unreachable", message, type="upstream_error", headers=RETRY_AFTER)


def overloaded() -> GatewayError:
    message = "Every engine that serves this model is at its limit of concurrent requests. Try again later."
    return GatewayError(503, "overloaded", message, type="overloaded_error", headers=RETRY_AFTER)


def shutting_down() -> GatewayError:
    message = "The gateway is shutting down. Try again."
    return GatewayError(503, "shutting_down", message, type="server_error", headers=RETRY_AFTER)


def upstream_timeout(message: str) -> GatewayError:
    return GatewayError(504, "upstream_timeout", message, type="upstream_error")
