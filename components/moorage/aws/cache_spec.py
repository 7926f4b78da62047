"""Which node holds what the gateways store."""

from pydantic import Field, ValidationInfo, field_validator

from moorage.aws.cache_node_type import CacheNodeType, smallest_node_type
from moorage.aws.tags import Tags
from moorage.planner.cache_memory import CacheDemand, needed_memory_mib
from moorage.spec.numbers import WholeNumber

# botocore 1.43.117, elasticache: CreateReplicationGroup, ReplicasPerNodeGroup.
_MAX_REPLICAS = 5


class CacheSpec(CacheDemand):
    """What `ElastiCacheValkeyArgs` say that is known before anything is created."""

    memory_mib: WholeNumber | None = Field(default=None, ge=1, validate_default=True)
    replicas: WholeNumber = Field(default=1, ge=0, le=_MAX_REPLICAS)
    tags: Tags = Field(default_factory=dict)

    @field_validator("memory_mib")
    @classmethod
    def _fits_on_a_node(cls, memory_mib: int | None, info: ValidationInfo) -> int | None:
        smallest_node_type(memory_mib or needed_memory_mib(info.data.get("settings", {})))
        return memory_mib

    @property
    def node_type(self) -> CacheNodeType:
        """The smallest that holds all."""
        return smallest_node_type(self.max_memory_mib)
