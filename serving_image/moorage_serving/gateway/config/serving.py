"""How requests wait, travel and are observed."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from moorage_serving.gateway.config.document import (
    AbsolutePath,
    Document,
    EnvironmentVariableName,
    HttpAddress,
    Id,
    Name,
    NonEmpty,
    Positive,
    Ratio,
    Seconds,
)


class Timeouts(Document):
    """There is no total timeout: a long answer is not cut."""

    connect_seconds: Seconds = 5
    """Opening a connection to an engine."""
    first_byte_seconds: Seconds = 120
    """From sending the request to the first byte of the answer's body: queue and prompt in the engine included."""
    idle_seconds: Seconds = 60
    """Between two reads of the answer."""


class AdmissionConfig(Document):
    """The queue in front of engines that are at their limit, one per model."""

    max_queue_length: Annotated[int, Field(ge=0, le=1_000_000)] = 200
    """Requests that may wait; with more, those of the lowest priority are answered 503."""
    deadline_seconds: Seconds = 60
    """How long a request may wait that does not say `x-request-deadline-ms`."""
    max_deadline_seconds: Seconds = 600
    """The longest wait that a request may ask for."""


class RoutingConfig(Document):
    """Which of several endpoints gets a request."""

    prefix_affinity: bool = True
    """Conversations stay with the endpoint that has their beginning in its KV cache, as far as load allows."""
    hedge_after_seconds: Seconds | None = None
    """Ask a second endpoint when the first has not begun its answer by then. Null: never."""


class CanaryConfig(Document):
    """Sends a share of a model's conversations to another revision, and stops by itself when that does worse."""

    model: NonEmpty
    """The model whose upstreams have more than one revision."""
    revision: NonEmpty
    """The new revision."""
    percent: Annotated[float, Field(ge=0, le=100)]
    """Share of conversations. A larger share keeps those that were in the smaller one."""
    max_error_ratio: Ratio = 0.05
    """Hold when more of the canary's requests fail, and more than of the stable revision's."""
    max_time_to_first_token_ratio: Annotated[float, Field(gt=0, le=1000)] = 1.5
    """Hold when the canary's median time to first token is this many times the stable revision's."""


class RequestLogConfig(Document):
    """Encrypted, redacted records of requests and answers."""

    folder: AbsolutePath
    """Where records go, one file each."""
    key_environment_variable: EnvironmentVariableName
    """Holds the encryption keys: base64 of 32 bytes each, separated by commas, the current one first."""
    tenants: Annotated[tuple[Id, ...], Field(min_length=1)]
    """Whose requests are recorded."""
    sample_ratio: Ratio = 1.0
    """Share of their requests."""
    retention_days: Positive = 30
    """After this records are deleted."""


class TelemetryConfig(Document):
    """OpenTelemetry."""

    otlp_endpoint: HttpAddress
    """OTLP over HTTP, without `/v1/traces`."""
    trace_sample_ratio: Ratio = 0.01
    """Share of requests that are traced where the caller has not decided."""


class CloudWatchMetricsConfig(Document):
    """Metrics for Amazon CloudWatch, as lines of the log in its embedded metric format."""

    stack: Name
    """The dimension `Stack` of every metric."""
