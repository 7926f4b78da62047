"""What is measured of requests, once for each, when it ends.

Labels have bounded values: endpoints, configured models, upstreams and tenants, status codes, codes of errors. What a
client merely writes into a request (an unknown model, an unknown path) never becomes one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from prometheus_client import Counter, Histogram

from moorage_serving.gateway.record import Outcome
from moorage_serving.gateway.telemetry import conventions
from moorage_serving.gateway.telemetry.tenant_labels import TenantLabels

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

    from moorage_serving.gateway.record import RequestRecord
    from moorage_serving.gateway.usage import Usage

PREFIX = "moorage_gateway"
WHERE = ["gen_ai_operation_name", "gen_ai_provider_name", "gen_ai_request_model", "upstream"]


class Latencies(NamedTuple):
    """The histograms' children for one operation, model and upstream: a look-up by labels costs more than counting."""

    first_token: Histogram
    per_token: Histogram
    duration: dict[str, Histogram]


class RequestMetrics:
    """Counters and histograms of requests."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.tenants = TenantLabels()
        self._requests = Counter(
            f"{PREFIX}_requests",
            "Requests that have ended. outcome says how; status 499: the client left before an answer began.",
            ["endpoint", "model", "upstream", "tenant", "status", "outcome"],
            registry=registry,
        )
        self._rejections = Counter(
            f"{PREFIX}_rejections",
            "Requests that the gateway answered with an error of its own, by the error's code.",
            ["reason"],
            registry=registry,
        )
        self._streams_started = Counter(
            f"{PREFIX}_streams_started",
            "Streams whose first bytes went to the client. Each is in the time to first token when it has ended.",
            registry=registry,
        )
        self._tokens = Counter(
            f"{PREFIX}_tokens",
            "Tokens as counted by the engines, of streams and of aborted requests too, where the engine told.",
            ["kind", "tenant", "model"],
            registry=registry,
        )
        self._first_token = Histogram(
            conventions.FIRST_TOKEN,
            "From the request's arrival to the first bytes of a streamed answer.",
            WHERE,
            buckets=conventions.FIRST_TOKEN_BUCKETS_SECONDS,
            registry=registry,
        )
        self._per_token = Histogram(
            conventions.PER_TOKEN,
            "Mean time between the tokens of a streamed answer that is complete, by the engine's count of them.",
            WHERE,
            buckets=conventions.PER_TOKEN_BUCKETS_SECONDS,
            registry=registry,
        )
        self._duration = Histogram(
            conventions.DURATION,
            "From the request's arrival to the end of its answer. error_type: why it is not complete.",
            [*WHERE, "error_type"],
            buckets=conventions.DURATION_BUCKETS_SECONDS,
            registry=registry,
        )
        self._usage = Histogram(
            conventions.TOKEN_USAGE,
            "Tokens of an answer, as counted by the engine.",
            [*WHERE[:3], "gen_ai_token_type"],
            buckets=conventions.TOKEN_BUCKETS,
            registry=registry,
        )
        self._latencies: dict[tuple[str, str, str], Latencies] = {}
        self._request_counts: dict[tuple[str, str, str, str, int, Outcome], Counter] = {}
        self._token_counts: dict[tuple[str, str, str], tuple[Counter, Counter, Histogram, Histogram]] = {}

    def start_stream(self) -> None:
        """The first bytes of a stream go to the client."""
        self._streams_started.inc()

    def count(self, record: RequestRecord, duration_seconds: float) -> None:
        """Measure a request that has ended."""
        tenant = self.tenants.label(record.tenant_id)
        key = (record.endpoint, record.model, record.upstream, tenant, record.status, record.outcome)
        requests = self._request_counts.get(key)
        if requests is None:
            requests = self._request_counts[key] = self._requests.labels(*key[:4], str(key[4]), key[5].value)
        requests.inc()
        if record.error_code:
            self._rejections.labels(record.error_code).inc()
        if record.endpoint in conventions.OPERATIONS:
            self._measure(record, duration_seconds)

    def count_tokens(self, usage: Usage, endpoint: str, model: str, tenant_id: str) -> None:
        """What an engine told of one answer."""
        key = (endpoint, model, self.tenants.label(tenant_id))
        counts = self._token_counts.get(key) or self._make_token_counts(*key)
        prompt, completion, prompt_usage, completion_usage = counts
        prompt.inc(usage.prompt_tokens)
        completion.inc(usage.completion_tokens)
        prompt_usage.observe(usage.prompt_tokens)
        completion_usage.observe(usage.completion_tokens)

    def _measure(self, record: RequestRecord, duration_seconds: float) -> None:
        where = (record.endpoint, record.model, record.upstream)
        latencies = self._latencies.get(where) or self._make_latencies(*where)
        is_complete = record.outcome is Outcome.COMPLETED
        error_type = "" if is_complete else record.error_code or record.outcome.value
        duration = latencies.duration.get(error_type)
        if duration is None:
            labels = (conventions.OPERATIONS[record.endpoint], conventions.PROVIDER, record.model, record.upstream)
            duration = latencies.duration[error_type] = self._duration.labels(*labels, error_type)
        duration.observe(duration_seconds)
        if record.stream and record.first_byte_at is not None:
            first_token_seconds = record.first_byte_at - record.started_at
            latencies.first_token.observe(first_token_seconds)
            if is_complete and record.usage is not None and record.usage.completion_tokens > 1:
                gaps = record.usage.completion_tokens - 1
                latencies.per_token.observe((duration_seconds - first_token_seconds) / gaps)

    def _make_latencies(self, endpoint: str, model: str, upstream: str) -> Latencies:
        labels = (conventions.OPERATIONS[endpoint], conventions.PROVIDER, model, upstream)
        made = Latencies(self._first_token.labels(*labels), self._per_token.labels(*labels), {})
        self._latencies[endpoint, model, upstream] = made
        return made

    def _make_token_counts(
        self, endpoint: str, model: str, tenant: str
    ) -> tuple[Counter, Counter, Histogram, Histogram]:
        labels = (conventions.OPERATIONS[endpoint], conventions.PROVIDER, model)
        made = (
            self._tokens.labels("prompt", tenant, model),
            self._tokens.labels("completion", tenant, model),
            self._usage.labels(*labels, "input"),
            self._usage.labels(*labels, "output"),
        )
        self._token_counts[endpoint, model, tenant] = made
        return made
