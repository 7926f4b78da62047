"""Which node holds what the gateways store."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, JsonValue, PlainValidator, ValidationInfo, field_validator

from moorage.aws.cache_node_type import CacheNodeType, smallest_node_type
from moorage.aws.tags import Tags
from moorage.planner.cache_memory import needed_memory_mib
from moorage.spec.gateway_settings import parse_gateway_settings
from moorage.spec.numbers import WholeNumber

# botocore 1.43.117, elasticache: CreateReplicationGroup, ReplicasPerNodeGroup.
_MAX_REPLICAS = 5


class CacheSpec(BaseModel):
    """What `ElastiCacheValkeyArgs` say that is known before anything is created."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    settings: Annotated[dict[str, JsonValue], PlainValidator(lambda value: parse_gateway_settings(value, ""))] = Field(
        default_factory=dict
    )
    memory_mib: WholeNumber | None = Field(default=None, ge=1, validate_default=True)
    replicas: WholeNumber = Field(default=1, ge=0, le=_MAX_REPLICAS)
    tags: Tags = {}

    @field_validator("memory_mib")
    @classmethod
    def _holds_what_tenants_may_store(cls, memory_mib: int | None, info: ValidationInfo) -> int | None:
        needed = needed_memory_mib(info.data.get("settings", {}))
        if memory_mib is not None and memory_mib < needed:
            raise ValueError(f"must be at least {needed}, which the caches of all tenants in settings may fill")
        smallest_node_type(memory_mib or needed)
        return memory_mib

    @property
    def node_type(self) -> CacheNodeType:
        """The smallest that holds all."""
        return smallest_node_type(self.memory_mib or needed_memory_mib(self.settings))
