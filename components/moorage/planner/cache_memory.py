"""How much memory the gateways' Redis or Valkey needs, from the gateways' settings."""

import math
from typing import cast

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationInfo, field_validator

from moorage.spec.gateway_contract import contract
from moorage.spec.gateway_settings import GatewaySettings, ParsedGatewaySettings
from moorage.spec.numbers import WholeNumber

_COUNTS_MIB = 64
"""Limits and usage: 2.1 KB for a tenant's window, 231 bytes of usage for a key and day, kept for 400 days: enough for
some hundred keys (measured 2026-11-25, Redis 7.0.15)."""
_BYTES_PER_COUNTED_BYTE = 1.65
"""Redis needs more than keys and values, which are all that the gateway counts: 1.62 times as much with answers of
1 KiB, 1.35 with 4 KiB (measured 2026-11-25, Redis 7.0.15)."""
_MIB = 2**20


class CacheDemand(BaseModel):
    """What a cache has to hold, whatever it runs on."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    settings: ParsedGatewaySettings = Field(default_factory=dict)
    memory_mib: WholeNumber | None = Field(default=None, ge=1)

    @field_validator("memory_mib")
    @classmethod
    def _holds_what_tenants_may_store(cls, memory_mib: int | None, info: ValidationInfo) -> int | None:
        needed = needed_memory_mib(info.data.get("settings", {}))
        if memory_mib is not None and memory_mib < needed:
            raise ValueError(f"must be at least {needed}, which the caches of all tenants in settings may fill")
        return memory_mib

    @property
    def max_memory_mib(self) -> int:
        """Valkey's `maxmemory`."""
        return self.memory_mib or needed_memory_mib(self.settings)


def needed_memory_mib(settings: GatewaySettings) -> int:
    """For the counts, and for the answers that all tenants together may store: each `cache.max_tenant_bytes`."""
    cache = cast("dict[str, JsonValue] | None", settings.get("cache"))
    if cache is None:
        return _COUNTS_MIB
    default = contract()["$defs"]["CacheConfig"]["properties"]["max_tenant_bytes"]["default"]
    each = cast("int", cache.get("max_tenant_bytes", default))
    return _COUNTS_MIB + math.ceil(_tenants(settings) * each * _BYTES_PER_COUNTED_BYTE / _MIB)


def _tenants(settings: GatewaySettings) -> int:
    """A key without a tenant is one of its own; so may be the key that the stack makes up."""
    tenants = cast("list[JsonValue]", settings.get("tenants", []))
    keys = cast("list[dict[str, JsonValue]]", settings.get("keys", []))
    return 1 + len(tenants) + sum(key.get("tenant") is None for key in keys)
