"""Who asks: API keys of clients, and the tenants they belong to."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, NamedTuple

from moorage_serving.gateway.config.tenants import TenantConfig
from moorage_serving.gateway.errors import admin_only, invalid_api_key

if TYPE_CHECKING:
    from moorage_serving.gateway.config.gateway import GatewayConfig
    from moorage_serving.gateway.config.tenants import ApiKey

ANONYMOUS = "anonymous"


class Identity(NamedTuple):
    """A client that was let in."""

    key_id: str
    tenant: TenantConfig
    is_admin: bool


class KeyRing:
    """Knows the keys by their SHA-256 only."""

    def __init__(self, config: GatewayConfig) -> None:
        tenants = {tenant.id: tenant for tenant in config.tenants}
        # A dictionary's time to find a hash tells at most about the hash of what was sent, never about a key.
        self._identities = {bytes.fromhex(key.sha256): identity_of(key, tenants) for key in config.keys}
        self._anonymous: Identity | None = None
        if config.authentication == "none":
            self._anonymous = Identity(ANONYMOUS, tenants.get(ANONYMOUS) or TenantConfig(id=ANONYMOUS), is_admin=False)

    @property
    def tenant_ids(self) -> list[str]:
        """Everybody who can be let in."""
        known = [*self._identities.values(), *([self._anonymous] if self._anonymous else [])]
        return list(dict.fromkeys(identity.tenant.id for identity in known))

    def identify(self, authorization: bytes | None) -> Identity:
        """Whose key an `Authorization` header carries; raises GatewayError (401) without a known one."""
        if self._anonymous is not None:
            return self._anonymous
        scheme, _, token = (authorization or b"").partition(b" ")
        if scheme.lower() != b"bearer" or not token.strip():
            raise invalid_api_key("An API key is needed: send it as `Authorization: Bearer KEY`.")
        identity = self._identities.get(hashlib.sha256(token.strip()).digest())
        if identity is None:
            raise invalid_api_key("The API key is not known.")
        return identity

    def identify_admin(self, authorization: bytes | None) -> Identity:
        """Like `identify`, for an administrator's key alone; raises GatewayError (401, 403)."""
        identity = self.identify(authorization)
        if not identity.is_admin:
            raise admin_only()
        return identity


def identity_of(key: ApiKey, tenants: dict[str, TenantConfig]) -> Identity:
    """A key without a tenant is one of its own, without limits."""
    tenant = TenantConfig(id=key.id) if key.tenant is None else tenants[key.tenant]
    return Identity(key.id, tenant, key.role == "admin")
