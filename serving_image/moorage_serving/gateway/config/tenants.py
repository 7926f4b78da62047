"""Who may ask for what, and how much of it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from moorage_serving.gateway.config.document import Document, Id, NonEmpty, Positive, SecretArn, Sha256Hex


class ApiKey(Document):
    """A client's key, of which the gateway knows the hash alone."""

    id: Id
    """Names the key in logs, metrics and usage; no secret."""
    sha256: Sha256Hex
    """SHA-256 of the key, in lower-case hex."""
    tenant: Id | None = None
    """The tenant whose limits hold. Null: a tenant of the key's own id, which has no limits."""
    role: Literal["client", "admin"] = "client"
    """`admin` may also ask for profiles of the process."""


class RotatedKey(Document):
    """A client's key that AWS Secrets Manager holds, and changes by itself: the secret's whole text.

    The one before goes on to be let in until the next rotation, so that clients can change over.
    """

    id: Id
    """Names the key in logs, metrics and usage; no secret."""
    secret_arn: SecretArn
    """Of the secret. The gateway's role has to be allowed `secretsmanager:GetSecretValue`."""
    tenant: Id | None = None
    """The tenant whose limits hold. Null: a tenant of the key's own id, which has no limits."""
    role: Literal["client", "admin"] = "client"
    """`admin` may also ask for profiles of the process."""


class TenantConfig(Document):
    """Limits hold for all keys of the tenant together. Null: no limit."""

    id: Id
    """Names the tenant in logs, metrics and the keys of Redis."""
    models: tuple[NonEmpty, ...] | None = None
    """Models and adapters that the tenant may ask for. Null: all."""
    requests_per_minute: Positive | None = None
    """In any 60 seconds."""
    tokens_per_minute: Positive | None = None
    """Prompt and completion, in any 60 seconds. A request reserves what it may need and gives back what it did not."""
    concurrent_requests: Positive | None = None
    """Requests being served or waiting at one time."""
    tokens_per_month: Positive | None = None
    """Prompt and completion, per calendar month (UTC)."""
    weight: Annotated[int, Field(ge=1, le=1000)] = 1
    """Share among tenants of one priority when requests have to wait."""
    priority: Annotated[int, Field(ge=-100, le=100)] = 0
    """Higher goes first, always. Below zero: dropped first when the queue is full."""
    semantic_cache: bool = False
    """Also answer from the cache when only the wording of the last question differs. Needs `cache.semantic`."""


class QuotaConfig(Document):
    """How limits of tenants are counted."""

    gateway_replicas: Positive = 1
    """How many gateways share the limits. Each counts alone and lets its part through without Redis, and of an engine's
    `max_concurrent_requests` where the engine's metrics cannot be read."""
    default_completion_tokens: Positive = 512
    """Reserved for a request that does not say `max_completion_tokens` or `max_tokens`."""
