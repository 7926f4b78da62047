"""From when on somebody is told that a service does not keep its promise, wherever it runs."""

from pydantic import BaseModel, ConfigDict, Field


class ServiceAlertThresholds(BaseModel):
    """Those that hold on every platform. Defaults that llm-d's rules have say so (github.com/llm-d/llm-d, pull request
    1972, and guides/recipes/observability/alerts, read September 2026)."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    error_ratio: float = Field(default=0.05, gt=0, le=1)
    """As llm-d's."""
    critical_error_ratio: float = Field(default=0.2, gt=0, le=1)
    """As llm-d's."""
    p99_time_to_first_token_seconds: float = Field(default=10, gt=0)
    """llm-d proposed 30, which nobody waits for."""
    startup_seconds: int = Field(default=1200, ge=60)
    """A node and an engine: 10 minutes each."""
    least_requests_per_second: float = Field(default=0.05, ge=0)
    """With fewer, no ratio and no percentile is looked at: 15 requests within five minutes."""
