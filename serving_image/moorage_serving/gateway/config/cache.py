"""The response cache."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from moorage_serving.gateway.config.document import AbsolutePath, Document, Positive, Ratio


class SemanticCacheConfig(Document):
    """Answers from the cache when only the wording of the last user turn differs. Per tenant, see `semantic_cache`."""

    model_folder: AbsolutePath | None = None
    """Folder of the embedding model. Null: the one that comes with the library."""
    min_similarity: Annotated[float, Field(gt=0, le=1)] = 0.95
    """Cosine similarity from which two questions count as the same."""


class CacheConfig(Document):
    """The response cache in Redis. Only complete answers are stored, per tenant and revision."""

    ttl_seconds: Annotated[int, Field(ge=1, le=31_536_000)] = 3600
    """How long an answer may be given again."""
    max_entry_bytes: Positive = 1_048_576
    """Larger answers are not stored."""
    max_tenant_bytes: Positive = 67_108_864
    """Per tenant; the oldest answers leave when it is passed."""
    nondeterministic: bool = False
    """Also store answers that were sampled: neither temperature 0 nor a seed."""
    bypass_ratio: Ratio = 0.0
    """Share of requests that go past the cache to the engine and refresh it."""
    semantic: SemanticCacheConfig | None = None
    """Null: only the same question is the same."""
