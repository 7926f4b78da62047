"""Names and buckets of the OpenTelemetry semantic conventions for generative AI.

Read 2026-11-23: https://github.com/open-telemetry/semantic-conventions-genai, docs/gen-ai/gen-ai-metrics.md and
gen-ai-spans.md (status: development). In Prometheus, dots are underscores and the unit is part of the name
(https://opentelemetry.io/docs/specs/otel/compatibility/prometheus_and_openmetrics/).
"""

from __future__ import annotations

from typing import NamedTuple

# gen_ai.operation.name, for the paths that are inference.
OPERATIONS = {
    "/v1/chat/completions": "chat",
    "/v1/completions": "text_completion",
    "/v1/embeddings": "embeddings",
}
# gen_ai.provider.name tells the flavour of the API, not who runs it.
PROVIDER = "openai"

# Up to 10 the conventions', beyond that vLLM's: an engine that starts, or a queue.
FIRST_TOKEN_BUCKETS_SECONDS = (
    *(0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0),
    *(20.0, 40.0, 80.0, 160.0, 640.0),
)
PER_TOKEN_BUCKETS_SECONDS = (0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0, 2.5)
# Up to 81.92 the conventions', doubled further for long answers.
DURATION_BUCKETS_SECONDS = (
    *(0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92),
    *(163.84, 327.68, 655.36),
)
TOKEN_BUCKETS = tuple(float(4**exponent) for exponent in range(14))


class Instrument(NamedTuple):
    """A metric of the conventions, as OTLP has it."""

    name: str
    unit: str


FIRST_TOKEN = "gen_ai_server_time_to_first_token_seconds"  # noqa: S105 - a metric
PER_TOKEN = "gen_ai_server_time_per_output_token_seconds"  # noqa: S105 - a metric
DURATION = "gen_ai_server_request_duration_seconds"
TOKEN_USAGE = "gen_ai_client_token_usage"  # noqa: S105 - a metric
INSTRUMENTS = {
    FIRST_TOKEN: Instrument("gen_ai.server.time_to_first_token", "s"),
    PER_TOKEN: Instrument("gen_ai.server.time_per_output_token", "s"),
    DURATION: Instrument("gen_ai.server.request.duration", "s"),
    TOKEN_USAGE: Instrument("gen_ai.client.token.usage", "{token}"),
}
ATTRIBUTES = {
    "gen_ai_operation_name": "gen_ai.operation.name",
    "gen_ai_provider_name": "gen_ai.provider.name",
    "gen_ai_request_model": "gen_ai.request.model",
    "gen_ai_token_type": "gen_ai.token.type",
    "error_type": "error.type",
}
