"""Traces: one span for each sampled request, between the client's and the engine's.

Decided without the SDK, because most requests are not sampled: a caller's traceparent that says so is believed, a
request without one is sampled by chance, and the engine is told what was decided.
"""

from __future__ import annotations

import random
import re
from typing import TYPE_CHECKING

from opentelemetry.context import Context
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.trace import SpanKind, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from moorage_serving.gateway.record import Outcome
from moorage_serving.gateway.telemetry import conventions
from moorage_serving.gateway.trace_headers import trace_headers

if TYPE_CHECKING:
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import SpanProcessor
    from opentelemetry.trace import Span

    from moorage_serving.gateway.record import RequestRecord
    from moorage_serving.gateway.responses import HeaderList

# W3C Trace Context, section 3.2: what is not valid is ignored; a version to come may have more fields.
TRACEPARENT = re.compile(
    rb"(?:00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-([0-9a-f]{2})"
    rb"|(?!00|ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-([0-9a-f]{2})(?:-.*)?)"
)
SAMPLED = 1
PROPAGATOR = TraceContextTextMapPropagator()


class RequestTrace:
    """One request's part of a trace. `headers` are for the engine."""

    __slots__ = ("_span", "headers")

    def __init__(self, headers: dict[str, str], span: Span | None) -> None:
        self.headers = headers
        self._span = span

    def finish(self, record: RequestRecord) -> None:
        """The request has ended."""
        if self._span is not None:
            describe(self._span, record)
            self._span.end()


class Tracing:
    """Begins the spans of one gateway process."""

    def __init__(self, processor: SpanProcessor, resource: Resource, sample_ratio: float) -> None:
        self._provider = TracerProvider(sampler=ALWAYS_ON, resource=resource, shutdown_on_exit=False)
        self._provider.add_span_processor(processor)
        self._tracer = self._provider.get_tracer("moorage_serving.gateway")
        self._sample_ratio = sample_ratio

    def begin(self, headers: HeaderList) -> RequestTrace:
        """Continue the caller's trace, or begin one. `headers` are the request's, with lower-case names."""
        carried = trace_headers(headers)
        match = TRACEPARENT.fullmatch(carried.get("traceparent", "").encode("latin-1"))
        if match is None:
            if random.random() >= self._sample_ratio:  # noqa: S311 - chance, no secret
                return RequestTrace({"traceparent": unsampled_traceparent()}, None)
            return self._begin_span(Context())
        if not int(match[1] or match[2], 16) & SAMPLED:
            return RequestTrace(carried, None)
        return self._begin_span(PROPAGATOR.extract(carried, Context()))

    def close(self) -> None:
        """Send what is pending; blocks."""
        self._provider.shutdown()

    def _begin_span(self, context: Context) -> RequestTrace:
        span = self._tracer.start_span("inference", context, SpanKind.CLIENT)
        headers: dict[str, str] = {}
        identity = span.get_span_context()
        headers["traceparent"] = f"00-{identity.trace_id:032x}-{identity.span_id:016x}-01"
        if identity.trace_state:
            headers["tracestate"] = identity.trace_state.to_header()
        return RequestTrace(headers, span)


def unsampled_traceparent() -> str:
    """Tells the engine that nobody wants its span: without any header it would decide for itself."""
    trace_id, parent_id = random.getrandbits(128) or 1, random.getrandbits(64) or 1
    return f"00-{trace_id:032x}-{parent_id:016x}-00"


def describe(span: Span, record: RequestRecord) -> None:
    """Facts only: the conventions' attributes for messages are left out."""
    operation = conventions.OPERATIONS[record.endpoint]
    attributes: dict[str, str | int | float | bool | None] = {
        "gen_ai.operation.name": operation,
        "gen_ai.provider.name": conventions.PROVIDER,
        "gen_ai.request.model": record.model or None,
        "gen_ai.request.stream": record.stream,
        "http.response.status_code": record.status or None,
        "moorage.request_id": record.request_id.decode("latin-1"),
        "moorage.tenant": record.tenant_id or None,
        "moorage.upstream": record.upstream or None,
        "moorage.revision": record.revision or None,
        "moorage.cache": None if record.cache is None else record.cache.value,
        "moorage.outcome": record.outcome.value,
    }
    if record.stream and record.first_byte_at is not None:
        attributes["gen_ai.response.time_to_first_chunk"] = record.first_byte_at - record.started_at
    if record.usage is not None:
        attributes["gen_ai.usage.input_tokens"] = record.usage.prompt_tokens
        attributes["gen_ai.usage.output_tokens"] = record.usage.completion_tokens
    if record.outcome is not Outcome.COMPLETED:
        attributes["error.type"] = record.error_code or record.outcome.value
        span.set_status(StatusCode.ERROR)
    span.update_name(f"{operation} {record.model}".rstrip())
    span.set_attributes({name: value for name, value in attributes.items() if value is not None})
