"""What a gateway in a cluster is asked to be, validated, and what follows from it."""

import math
from collections.abc import Mapping, Sequence
from typing import Annotated, Literal, NotRequired, TypedDict, cast

from pydantic import BaseModel, ConfigDict, Field, JsonValue, PlainValidator, ValidationInfo, field_validator

from moorage.engine.budgets import drain_budget
from moorage.kubernetes.image import PinnedImage
from moorage.spec.errors import Problem, SpecError
from moorage.spec.gateway_document import Authentication
from moorage.spec.gateway_settings import GatewaySettings, check_tenant, parse_gateway_settings
from moorage.spec.numbers import WholeNumber
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


class ExposureArgs(TypedDict):
    """How clients reach the gateway."""

    kind: str
    """`cluster`: from inside the cluster alone. `http-route`: through a Gateway of the Gateway API, which ends TLS.
    `load-balancer`: through a balancer of the cloud's own."""
    hostname: NotRequired[str]
    """For `http-route`: what clients call, `llm.example.com`."""
    gateway_name: NotRequired[str]
    """For `http-route`: of the Gateway."""
    gateway_namespace: NotRequired[str]
    """For `http-route`: of the Gateway. Default: this component's namespace."""
    gateway_controller: NotRequired[str]
    """For `http-route`: whose Gateway it is, where it has to be told more: `gke`, which else asks `/` whether a pod is
    healthy and ends every answer after 30 seconds. Default: one that goes by the Service and the route."""
    source_ranges: NotRequired[Sequence[str]]
    """For `load-balancer`: who may reach it, as CIDR blocks. Also `/metrics` is behind this balancer."""
    annotations: NotRequired[Mapping[str, str]]
    """For `load-balancer`: the cloud's own, such as those for an internal balancer or a certificate. Default: none."""
    port: NotRequired[int]
    """For `load-balancer`: 443 where `annotations` have it end TLS. Default: 80."""


class Exposure(BaseModel):
    """As `ExposureArgs`."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    kind: Literal["cluster", "http-route", "load-balancer"] = "cluster"
    hostname: str | None = Field(default=None, min_length=1)
    gateway_name: str | None = Field(default=None, min_length=1)
    gateway_namespace: str | None = Field(default=None, min_length=1)
    gateway_controller: Literal["gke"] | None = None
    source_ranges: list[str] | None = Field(default=None, min_length=1)
    annotations: dict[str, str] = Field(default_factory=dict)
    port: WholeNumber = Field(default=80, ge=1, le=65535)


def _checked_settings(value: object) -> dict[str, JsonValue]:
    settings = parse_gateway_settings(value, "")
    if settings.get("request_log") is not None:
        raise SpecError([Problem("request_log", ": needs a folder that outlives a pod, which a gateway here has not")])
    return settings


class GatewaySpec(BaseModel):
    """What `KubernetesGatewayArgs` say that is known before anything is created."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    image: PinnedImage
    authentication: Authentication
    service_level: ServiceLevel = ServiceLevel()
    cpu: float = Field(default=1, gt=0, le=64)
    min_replicas: WholeNumber = Field(default=2, ge=1)
    max_replicas: WholeNumber = Field(default=10, ge=1)
    exposure: Exposure = Exposure()
    has_redis: bool = False
    settings: Annotated[dict[str, JsonValue], PlainValidator(_checked_settings)] = Field(default_factory=dict)
    tenant: str | None = None

    @field_validator("max_replicas")
    @classmethod
    def _not_below_min(cls, longest: int, info: ValidationInfo) -> int:
        least = info.data.get("min_replicas", 1)
        if longest < least:
            raise ValueError(f"must be at least min_replicas = {least}")
        return longest

    @field_validator("exposure")
    @classmethod
    def _is_whole(cls, exposure: Exposure, info: ValidationInfo) -> Exposure:
        needed = {"http-route": ("hostname", "gateway_name"), "load-balancer": ("source_ranges",)}
        missing = [name for name in needed.get(exposure.kind, ()) if getattr(exposure, name) is None]
        if missing:
            raise ValueError(f"kind = {exposure.kind} needs {' and '.join(missing)}")
        if exposure.kind != "cluster" and info.data.get("authentication") == "none":
            raise ValueError(f"kind = {exposure.kind} needs authentication = api_keys: anybody could reach the gateway")
        return exposure

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
        """Until a pod that is stopped is killed: 15 seconds more than an engine has, 90 by default."""
        engine = drain_budget(self.service_level.p99_request_seconds, PROPAGATION_SECONDS)
        return engine.grace_seconds + _AFTER_THE_ENGINE_SECONDS

    @property
    def memory_mib(self) -> int:
        """What all processes of one pod need."""
        cache = cast("dict[str, JsonValue]", self.settings.get("cache") or {})
        worker = _WORKER_MIB + (_SEMANTIC_CACHE_MIB if cache.get("semantic") is not None else 0)
        return self.workers * worker + (_PARENT_MIB if self.workers > 1 else 0)
