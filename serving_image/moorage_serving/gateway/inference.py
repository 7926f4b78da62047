"""Serves one inference request: from its headers to the last byte of its answer.

A plain ASGI application, without a web framework's machinery around it: what a framework keeps alive per request is
paid for once per open stream.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import structlog

from moorage_serving.gateway import errors
from moorage_serving.gateway.errors import GatewayError
from moorage_serving.gateway.record import Outcome, RequestRecord
from moorage_serving.gateway.relay import Relay
from moorage_serving.gateway.request_body import ClientGoneError, InferenceRequest, parse_request, read_body
from moorage_serving.gateway.request_id import request_id
from moorage_serving.gateway.responses import header, send_error, send_error_and_linger
from moorage_serving.gateway.upstream.openai_http import Answer, BrokenError, ConnectError, OpenAIHttpUpstream
from moorage_serving.gateway.watch import Interruption, Watch

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

    from moorage_serving.gateway.state import GatewayState
    from moorage_serving.gateway.upstream.generation import Generation

log = structlog.get_logger("inference")
# What engines are told of a client's headers, beside the content type: traces go on through the gateway.
TRACE_HEADERS = (b"traceparent", b"tracestate")
CONTENT_TOO_LARGE = 413


class InferenceEndpoint:
    """One path of the OpenAI API, as an ASGI application."""

    def __init__(self, path: str, state: GatewayState, *, can_stream: bool) -> None:
        self.path = path
        self._state = state
        self._can_stream = can_stream

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        state, generation = self._state, self._state.active
        record = RequestRecord(self.path, request_id(header(scope["headers"], b"x-request-id")))
        in_flight = state.metrics.in_flight.labels(self.path)
        in_flight.inc()
        generation.enter()
        try:
            await Exchange(self, generation, record, scope, receive, send).serve()
        finally:
            generation.leave()
            in_flight.dec()
            record.finish(state.metrics, state.ledger)

    def accept(self, scope: Scope, generation: Generation, record: RequestRecord) -> None:
        """Judge what the headers tell. Raises GatewayError (401, 405)."""
        if self._state.refusing:
            raise errors.shutting_down()
        if scope["method"] != "POST":
            raise errors.method_not_allowed("POST")
        record.key_id = generation.keys.identify(header(scope["headers"], b"authorization")).key_id

    def parse(self, body: bytes) -> InferenceRequest:
        return parse_request(body, can_stream=self._can_stream)


class Exchange:
    """One request and its answer."""

    __slots__ = ("_endpoint", "_generation", "_receive", "_record", "_relay", "_scope", "_send")

    def __init__(
        self,
        endpoint: InferenceEndpoint,
        generation: Generation,
        record: RequestRecord,
        scope: Scope,
        receive: Receive,
        send: Send,
    ) -> None:
        self._endpoint = endpoint
        self._generation = generation
        self._record = record
        self._scope = scope
        self._receive = receive
        self._send = send
        self._relay: Relay | None = None

    async def serve(self) -> None:
        """Answer the request. Never raises: every failure has an answer, or an end that the client can see."""
        try:
            request = await self._read()
            await self._serve_watched(request)
        except GatewayError as error:
            await self._fail(error)
        except ClientGoneError:
            self._record.outcome = Outcome.CLIENT_DISCONNECTED
        except asyncio.CancelledError:
            self._record.outcome = Outcome.SHUT_DOWN
            await self._fail(errors.shutting_down())
        except Exception:
            log.exception("request_failed", request_id=self._record.request_id.decode())
            await self._fail(errors.internal_error())

    async def _read(self) -> InferenceRequest:
        record, generation = self._record, self._generation
        self._endpoint.accept(self._scope, generation, record)
        content_length = header(self._scope["headers"], b"content-length")
        body = await read_body(self._receive, content_length, generation.config.max_request_body_bytes)
        request = self._endpoint.parse(body)
        record.stream = request.stream
        generation.serving(request.model)
        record.model = request.model
        return request

    async def _serve_watched(self, request: InferenceRequest) -> None:
        watch = Watch(self._receive)
        try:
            await self._try_upstreams(request, watch)
        except asyncio.CancelledError:
            reason = watch.absorb()
            if reason is None:
                raise
            self._interrupted(reason)
        finally:
            watch.stop()

    def _interrupted(self, reason: Interruption) -> None:
        timeouts = self._generation.config.timeouts
        match reason:
            case Interruption.CLIENT_DISCONNECTED:
                raise ClientGoneError
            case Interruption.FIRST_BYTE_TIMEOUT:
                self._record.outcome = Outcome.UPSTREAM_TIMEOUT
                raise errors.upstream_timeout(
                    f"The engine did not begin its answer in {timeouts.first_byte_seconds:g} s."
                )
            case Interruption.IDLE_TIMEOUT:
                self._record.outcome = Outcome.UPSTREAM_TIMEOUT
                raise errors.upstream_timeout(f"The engine was silent for {timeouts.idle_seconds:g} s.")

    async def _try_upstreams(self, request: InferenceRequest, watch: Watch) -> None:
        """Go through the engines that serve the model until one takes the request."""
        upstreams = self._generation.serving(request.model)
        headers = self._headers_for_engine()
        for upstream in upstreams:
            if upstream.is_full:
                continue
            self._record.upstream = upstream.config.name
            upstream.in_flight += 1
            try:
                await self._try_upstream(upstream, request, headers, watch)
            except ConnectError as error:
                log.warning("upstream_unreachable", upstream=upstream.config.name, error=str(error))
                continue
            finally:
                upstream.in_flight -= 1
            return
        if all(upstream.is_full for upstream in upstreams):
            self._record.outcome = Outcome.OVERLOADED
            raise errors.overloaded()
        self._record.outcome = Outcome.UPSTREAM_UNREACHABLE
        raise errors.upstream_unreachable()

    async def _try_upstream(
        self, upstream: OpenAIHttpUpstream, request: InferenceRequest, headers: dict[str, str], watch: Watch
    ) -> None:
        answer: Answer | None = None
        watch.limit(upstream.timeouts.first_byte_seconds, Interruption.FIRST_BYTE_TIMEOUT)
        try:
            answer = await upstream.send(self._endpoint.path, request.body, headers)
            request.drop()
            self._relay = Relay(answer, self._record, self._send, strips_usage=request.strips_usage)
            await self._relay.run(watch, upstream.timeouts.idle_seconds)
        except BrokenError as error:
            log.warning("upstream_failed", upstream=upstream.config.name, error=str(error))
            self._record.outcome = Outcome.UPSTREAM_FAILED
            raise errors.upstream_failed("The engine broke off before its answer was complete.") from error
        finally:
            if answer is not None:
                answer.close()

    def _headers_for_engine(self) -> dict[str, str]:
        headers = {"content-type": "application/json", "x-request-id": self._record.request_id.decode()}
        for name, value in self._scope["headers"]:
            if name in TRACE_HEADERS:
                headers[name.decode()] = value.decode("latin-1")
        return headers

    async def _fail(self, error: GatewayError) -> None:
        """Tell the client in the form that is still possible."""
        if self._record.outcome is Outcome.FAILED and error.status < 500:
            self._record.outcome = Outcome.REJECTED
        if self._relay is not None and self._relay.started:
            await self._relay.break_off(error)
            return
        self._record.status = error.status
        if error.status == CONTENT_TOO_LARGE:
            await send_error_and_linger(error, self._record.request_id, self._receive, self._send)
        else:
            await send_error(error, self._record.request_id, self._send)
