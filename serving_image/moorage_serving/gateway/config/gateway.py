"""The whole configuration document. Its JSON Schema is contracts/gateway-config.v1.schema.json."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import Field, model_validator

from moorage_serving.gateway.config.cache import CacheConfig
from moorage_serving.gateway.config.document import Document, EnvironmentVariableName, RedisUrl
from moorage_serving.gateway.config.serving import (
    AdmissionConfig,
    CanaryConfig,
    CloudWatchMetricsConfig,
    RequestLogConfig,
    RoutingConfig,
    TelemetryConfig,
    Timeouts,
)
from moorage_serving.gateway.config.tenants import ApiKey, QuotaConfig, RotatedKey, TenantConfig
from moorage_serving.gateway.config.upstreams import AnyUpstreamConfig

if TYPE_CHECKING:
    from collections.abc import Iterator


class GatewayConfig(Document):
    """The one document that tells a gateway everything."""

    version: Annotated[int, Field(ge=1, le=1)]  # no Literal: that takes `true` for 1
    """Of this format."""
    upstreams: Annotated[tuple[AnyUpstreamConfig, ...], Field(min_length=1)]
    """Engines, in the order in which they are tried for a model."""
    authentication: Literal["api_keys", "none"] = "api_keys"
    """`api_keys`: every /v1 request carries a bearer key out of `keys`. `none`: anybody is let in who reaches
    the port."""
    keys: tuple[ApiKey, ...] = ()
    """At least one, or one of `rotated_keys`, where `authentication` is `api_keys`."""
    rotated_keys: tuple[RotatedKey, ...] = ()
    """Keys that AWS Secrets Manager holds and changes."""
    tenants: tuple[TenantConfig, ...] = ()
    """Limits, for keys that name a tenant. A tenant `anonymous` holds for all where `authentication` is `none`."""
    quotas: QuotaConfig = QuotaConfig()
    """How limits are counted."""
    cache: CacheConfig | None = None
    """Null: every request goes to an engine. Needs `redis_url`."""
    admission: AdmissionConfig = AdmissionConfig()
    """What happens when engines are at their limit."""
    routing: RoutingConfig = RoutingConfig()
    """Which of several endpoints gets a request."""
    canaries: tuple[CanaryConfig, ...] = ()
    """At most one per model."""
    timeouts: Timeouts = Timeouts()
    """Towards engines."""
    max_request_body_bytes: Annotated[int, Field(ge=1024, le=1_073_741_824)] = 10_485_760
    """Larger requests are answered 413."""
    redis_url: RedisUrl | None = None
    """Redis or Valkey, for limits, usage per key and the cache: `redis://`, `rediss://` or `unix://`. Null: limits are
    counted in the process, usage is in its metrics only."""
    redis_url_environment_variable: EnvironmentVariableName | None = None
    """The environment variable that holds the URL, instead of `redis_url`: a password then stands in no file."""
    request_log: RequestLogConfig | None = None
    """Null: nothing of what is said is kept."""
    telemetry: TelemetryConfig | None = None
    """Null: Prometheus metrics only; trace headers of clients are passed on to the engine."""
    cloudwatch_metrics: CloudWatchMetricsConfig | None = None
    """Null: CloudWatch is told nothing. Only where standard output goes to CloudWatch Logs."""

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        if problems := [*self._repetitions(), *self._unknown_references(), *self._missing_parts()]:
            raise ValueError("; ".join(problems))
        return self

    def _missing_parts(self) -> Iterator[str]:
        if self.authentication == "api_keys" and not self.keys and not self.rotated_keys:
            yield "keys: at least one is needed, or authentication must be 'none'"
        if self.redis_url is not None and self.redis_url_environment_variable is not None:
            yield "redis_url_environment_variable: must not be given together with redis_url"
        if self.cache is not None and self.redis_url is None and self.redis_url_environment_variable is None:
            yield "cache: needs redis_url"
        if any(tenant.semantic_cache for tenant in self.tenants) and (
            self.cache is None or self.cache.semantic is None
        ):
            yield "tenants[].semantic_cache: needs cache.semantic"
        if self.admission.deadline_seconds > self.admission.max_deadline_seconds:
            yield "admission.deadline_seconds: must not be more than max_deadline_seconds"

    def _repetitions(self) -> Iterator[str]:
        for path, values in (
            ("upstreams[].name", [upstream.name for upstream in self.upstreams]),
            ("keys[].id", [key.id for key in (*self.keys, *self.rotated_keys)]),
            ("rotated_keys[].secret_arn", [key.secret_arn for key in self.rotated_keys]),
            ("keys[].sha256", [key.sha256 for key in self.keys]),
            ("tenants[].id", [tenant.id for tenant in self.tenants]),
            ("canaries[].model", [canary.model for canary in self.canaries]),
        ):
            if repeated := sorted(value for value, count in Counter(values).items() if count > 1):
                yield f"{path}: must be unique, given twice: {', '.join(repeated)}"

    def _unknown_references(self) -> Iterator[str]:
        names = {name for upstream in self.upstreams for name in (upstream.model, *upstream.adapters)}
        tenants = {tenant.id for tenant in self.tenants}
        revisions = {(upstream.model, upstream.revision) for upstream in self.upstreams}
        for path, keys in (("keys", self.keys), ("rotated_keys", self.rotated_keys)):
            for index, key in enumerate(keys):
                if key.tenant is not None and key.tenant not in tenants:
                    known = ", ".join(sorted(tenants))
                    yield f"{path}[{index}].tenant: no such tenant: {key.tenant} (tenants: {known})"
        for index, tenant in enumerate(self.tenants):
            if unknown := sorted(set(tenant.models or ()) - names):
                yield f"tenants[{index}].models: not served by any upstream: {', '.join(unknown)}"
        for index, canary in enumerate(self.canaries):
            if (canary.model, canary.revision) not in revisions:
                yield f"canaries[{index}]: no upstream serves {canary.model} at revision {canary.revision}"
