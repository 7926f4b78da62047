"""What a gateway's processes are asked to be, wherever they run, and what follows from it."""

import math
from typing import Annotated, cast

from pydantic import BaseModel, ConfigDict, Field, JsonValue, PlainValidator, ValidationInfo, field_validator

from moorage.engine.budgets import drain_budget
from moorage.kubernetes.image import PinnedImage
from moorage.spec.errors import Problem, SpecError
from moorage.spec.gateway_document import Authentication
from moorage.spec.gateway_settings import GatewaySettings, check_tenant, parse_gateway_settings
from moorage.spec.numbers import WholeNumber, not_below
from moorage.spec.service_level import ServiceLevel

PROPAGATION_SECONDS = 15
"""Until every load balancer has noticed that a pod is going, as llm-d and KServe allow
(github.com/llm-d/llm-d, docs/operations/graceful-shutdown.md; read September 2026)."""
_AFTER_THE_ENGINE_SECONDS = 15
"""A gateway outlives the engine that it reads from, so that the last answer can end."""
_WORKER_MIB = 256
"""One process holds 104 MB with 1,000 open streams (docs/benchmarks.md, 2026-11-23); the rest is for bodies."""
_PARENT_MIB = 64
_SEMANTIC_CACHE_MIB = 128
"""The embedding library and its table take 100 MB in each process (measured 2026-11-23)."""


def _checked_settings(value: object) -> dict[str, JsonValue]:
    settings = parse_gateway_settings(value, "")
    if settings.get("request_log") is not None:
        raise SpecError([Problem("request_log", ": needs a folder that outlives a pod, which a gateway here has not")])
    return settings


class GatewayProcessSpec(BaseModel):
    """One gateway of several that are alike, as its arguments say before anything is created."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    image: PinnedImage
    authentication: Authentication
    service_level: ServiceLevel = ServiceLevel()
    cpu: float = Field(default=1, gt=0, le=64)
    min_replicas: WholeNumber = Field(default=2, ge=1)
    max_replicas: WholeNumber = Field(default=10, ge=1)
    has_redis: bool = False
    settings: Annotated[dict[str, JsonValue], PlainValidator(_checked_settings)] = Field(default_factory=dict)
    tenant: str | None = None

    _not_below_min = field_validator("max_replicas")(not_below("min_replicas"))

    @field_validator("settings")
    @classmethod
    def _cache_has_redis(cls, settings: dict[str, JsonValue], info: ValidationInfo) -> dict[str, JsonValue]:
        if settings.get("cache") is not None and not info.data.get("has_redis"):
            raise SpecError([Problem("cache", ": needs redis_url")])
        return settings

    @field_validator("tenant")
    @classmethod
    def _is_a_tenant(cls, tenant: str | None, info: ValidationInfo) -> str | None:
        if tenant is not None and "settings" in info.data:
            check_tenant(tenant, info.data["settings"], "")
        return tenant

    @property
    def document_settings(self) -> GatewaySettings:
        """Those of the user; limits that processes count alone are shared by as many gateways as there may be."""
        quotas = cast("dict[str, JsonValue]", self.settings.get("quotas") or {})
        return {**self.settings, "quotas": {"gateway_replicas": self.max_replicas, **quotas}}

    @property
    def workers(self) -> int:
        """One process per whole CPU."""
        return max(1, math.floor(self.cpu))

    @property
    def drain_seconds(self) -> int:
        """How long open requests may go on once no new ones are served."""
        return self.grace_seconds - PROPAGATION_SECONDS - _AFTER_THE_ENGINE_SECONDS

    @property
    def grace_seconds(self) -> int:
        """Until a gateway that is stopped is killed: 15 seconds more than an engine has, 90 by default."""
        return grace_seconds_of(self.service_level)

    @property
    def memory_mib(self) -> int:
        """What all processes of one pod need."""
        cache = cast("dict[str, JsonValue]", self.settings.get("cache") or {})
        worker = _WORKER_MIB + (_SEMANTIC_CACHE_MIB if cache.get("semantic") is not None else 0)
        return self.workers * worker + (_PARENT_MIB if self.workers > 1 else 0)


def grace_seconds_of(service_level: ServiceLevel) -> int:
    """Until a gateway that is stopped is killed."""
    return (
        drain_budget(service_level.p99_request_seconds, PROPAGATION_SECONDS).grace_seconds + _AFTER_THE_ENGINE_SECONDS
    )
