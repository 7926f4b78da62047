"""API keys of clients."""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING

from moorage_serving.gateway.errors import invalid_api_key

if TYPE_CHECKING:
    from collections.abc import Sequence

    from moorage_serving.gateway.config.tenants import ApiKey

ANONYMOUS = "anonymous"


class KeyRing:
    """Knows the keys by their SHA-256 only. `None` as keys: everybody is let in, as `anonymous`."""

    def __init__(self, keys: Sequence[ApiKey] | None) -> None:
        self._keys = None if keys is None else [(key.id, bytes.fromhex(key.sha256)) for key in keys]

    def identify(self, authorization: bytes | None) -> str:
        """The key id that belongs to an `Authorization` header's value; raises GatewayError (401) without one."""
        if self._keys is None:
            return ANONYMOUS
        scheme, _, token = (authorization or b"").partition(b" ")
        if scheme.lower() != b"bearer" or not token.strip():
            raise invalid_api_key("An API key is needed: send it as `Authorization: Bearer KEY`.")
        digest = hashlib.sha256(token.strip()).digest()
        found: str | None = None
        # No early exit: how long this takes says nothing about which key it was, or how close a wrong one came.
        for key_id, known in self._keys:
            if hmac.compare_digest(digest, known):
                found = key_id
        if found is None:
            raise invalid_api_key("The API key is not known.")
        return found
