"""Who asks: API keys of clients, and the tenants they belong to."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, NamedTuple

from moorage_serving.gateway.config.tenants import TenantConfig
from moorage_serving.gateway.errors import admin_only, invalid_api_key

if TYPE_CHECKING:
    from moorage_serving.gateway.config.gateway import GatewayConfig
    from moorage_serving.gateway.config.tenants import ApiKey, RotatedKey
    from moorage_serving.gateway.rotated_keys import RotatedKeys

ANONYMOUS = "anonymous"


class Identity(NamedTuple):
    """A client that was let in."""

    key_id: str
    tenant: TenantConfig
    is_admin: bool


class KeyRing:
    """Knows the keys by their SHA-256 only. Made in the event loop."""

    def __init__(self, config: GatewayConfig) -> None:
        tenants = {tenant.id: tenant for tenant in config.tenants}
        # A dictionary's time to find a hash tells at most about the hash of what was sent, never about a key.
        self._identities = {bytes.fromhex(key.sha256): identity_of(key, tenants) for key in config.keys}
        owners = {key.secret_arn: identity_of(key, tenants) for key in config.rotated_keys}
        self._owners = list(owners.values())
        self._rotated = open_rotated_keys(owners) if owners else None
        self._anonymous: Identity | None = None
        if config.authentication == "none":
            self._anonymous = Identity(ANONYMOUS, tenants.get(ANONYMOUS) or TenantConfig(id=ANONYMOUS), is_admin=False)

    @property
    def tenant_ids(self) -> list[str]:
        """Everybody who can be let in."""
        known = [*self._identities.values(), *self._owners, *([self._anonymous] if self._anonymous else [])]
        return list(dict.fromkeys(identity.tenant.id for identity in known))

    def identify(self, authorization: bytes | None) -> Identity:
        """Whose key an `Authorization` header carries; raises GatewayError (401) without a known one."""
        if self._anonymous is not None:
            return self._anonymous
        digest = digest_of(authorization)
        identity = self._identities.get(digest) or (None if self._rotated is None else self._rotated.get(digest))
        if identity is None:
            raise invalid_api_key("The API key is not known.")
        return identity

    async def admit(self, authorization: bytes | None) -> Identity:
        """As `identify`, after a look for a key that may have been made since keys were last looked for.

        Raises GatewayError (503) too, while no key can be read.
        """
        if self._rotated is not None and self._anonymous is None:
            digest = digest_of(authorization)
            if digest not in self._identities:
                await self._rotated.expect(digest)
        return self.identify(authorization)

    async def admit_admin(self, authorization: bytes | None) -> Identity:
        """Like `admit`, for an administrator's key alone; raises GatewayError (403) for another."""
        identity = await self.admit(authorization)
        if not identity.is_admin:
            raise admin_only()
        return identity

    async def close(self) -> None:
        """End what the ring does by itself."""
        if self._rotated is not None:
            await self._rotated.close()


def digest_of(authorization: bytes | None) -> bytes:
    """The SHA-256 of the key in an `Authorization` header; raises GatewayError (401) without one."""
    scheme, _, token = (authorization or b"").partition(b" ")
    if scheme.lower() != b"bearer" or not token.strip():
        raise invalid_api_key("An API key is needed: send it as `Authorization: Bearer KEY`.")
    return hashlib.sha256(token.strip()).digest()


def open_rotated_keys(owners: dict[str, Identity]) -> RotatedKeys:
    """Imports AWS's SDK only where it is needed."""
    from moorage_serving.gateway.rotated_keys import RotatedKeys

    return RotatedKeys(owners)


def identity_of(key: ApiKey | RotatedKey, tenants: dict[str, TenantConfig]) -> Identity:
    """A key without a tenant is one of its own, without limits."""
    tenant = TenantConfig(id=key.id) if key.tenant is None else tenants[key.tenant]
    return Identity(key.id, tenant, key.role == "admin")
