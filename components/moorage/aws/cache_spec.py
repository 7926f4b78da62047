"""Which node holds what the gateways store, or how much a serverless cache may hold."""

import math
from typing import Self

from pydantic import Field, model_validator

from moorage.aws.cache_node_type import CacheNodeType, smallest_node_type
from moorage.aws.tags import Tags
from moorage.planner.cache_memory import CacheDemand
from moorage.spec.errors import Problem, SpecError
from moorage.spec.numbers import WholeNumber
from moorage.spec.wording import shown

# botocore 1.43.117, elasticache: CreateReplicationGroup, ReplicasPerNodeGroup.
_MAX_REPLICAS = 5
# From 1 GB: docs.aws.amazon.com/cdk/api/v2/docs/@aws-cdk_aws-elasticache-alpha.CacheUsageLimitsProperty.html (read
# 2026-11-26).
MAX_SERVERLESS_GB = 5000
_MIB, _GB = 2**20, 10**9


class CacheSpec(CacheDemand):
    """What `ElastiCacheValkeyArgs` say that is known before anything is created."""

    serverless: bool = False
    replicas: WholeNumber = Field(default=1, ge=0, le=_MAX_REPLICAS)
    tags: Tags = Field(default_factory=dict)

    @model_validator(mode="after")
    def _can_be_had(self) -> Self:
        if self.serverless and "replicas" in self.model_fields_set:
            message = f" = {self.replicas}: has no meaning with serverless = true, which is in several zones by itself"
            raise SpecError([Problem("replicas", message)])
        try:
            _ = self.max_data_storage_gb if self.serverless else self.node_type
        except ValueError as error:
            raise SpecError([Problem("memory_mib", f" = {shown(self.max_memory_mib)}: {error}")]) from None
        return self

    @property
    def node_type(self) -> CacheNodeType:
        """The smallest that holds all."""
        return smallest_node_type(self.max_memory_mib)

    @property
    def max_data_storage_gb(self) -> int:
        """Of a serverless cache. Raises `ValueError` where none holds as much."""
        gigabytes = math.ceil(self.max_memory_mib * _MIB / _GB)
        if gigabytes > MAX_SERVERLESS_GB:
            most = MAX_SERVERLESS_GB * _GB // _MIB
            raise ValueError(f"must be at most {most}, which a serverless cache holds")
        return gigabytes
