"""How much Valkey has to hold."""

import math
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, JsonValue, PlainValidator, ValidationInfo, field_validator

from moorage.kubernetes.image import PinnedImage
from moorage.planner.cache_memory import needed_memory_mib
from moorage.spec.gateway_settings import parse_gateway_settings
from moorage.spec.numbers import WholeNumber


class CacheSpec(BaseModel):
    """What `KubernetesValkeyArgs` say that is known before anything is created."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    image: PinnedImage
    settings: Annotated[dict[str, JsonValue], PlainValidator(lambda value: parse_gateway_settings(value, ""))] = Field(
        default_factory=dict
    )
    memory_mib: WholeNumber | None = Field(default=None, ge=1)
    storage_gib: WholeNumber | None = Field(default=None, ge=1)

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

    @property
    def pod_memory_mib(self) -> int:
        """A quarter more for fragmentation and connections; twice as much where the append-only file is rewritten, for
        which Valkey forks (valkey.io/topics/memory-optimization and /topics/admin, read 2026-11-25)."""
        factor = 1.25 if self.storage_gib is None else 2.0
        return math.ceil(self.max_memory_mib * factor) + 32
