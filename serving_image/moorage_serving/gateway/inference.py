"""Serves one inference request: from its headers to the last byte of its answer.

A plain ASGI application, without a web framework's machinery around it: what a framework keeps alive per request is
paid for once per open stream.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import structlog

from moorage_serving.gateway import errors
from moorage_serving.gateway.admission.deadline import deadline_seconds
from moorage_serving.gateway.client_answer import ClientAnswer
from moorage_serving.gateway.conversation import conversation_of
from moorage_serving.gateway.errors import GatewayError
from moorage_serving.gateway.fetch import Fetch
from moorage_serving.gateway.quota.estimate import tokens_to_reserve
from moorage_serving.gateway.record import Outcome, RequestRecord
from moorage_serving.gateway.request_body import ClientGoneError, InferenceRequest, parse_request, read_body
from moorage_serving.gateway.request_id import request_id
from moorage_serving.gateway.responses import header, send_error_and_linger
from moorage_serving.gateway.trace_headers import trace_headers
from moorage_serving.gateway.upstream.route import EngineCall, Route
from moorage_serving.gateway.watch import DisconnectWatch

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

    from moorage_serving.gateway.activation.keep_awake import KeepAwake
    from moorage_serving.gateway.authentication import Identity
    from moorage_serving.gateway.quota.reservation import Reservation
    from moorage_serving.gateway.request_log.recording import Recording
    from moorage_serving.gateway.request_log.request_log import RequestLog
    from moorage_serving.gateway.state import GatewayState
    from moorage_serving.gateway.telemetry.tracing import RequestTrace
    from moorage_serving.gateway.upstream.generation import Generation

log = structlog.get_logger("inference")
CONTENT_TOO_LARGE = 413


class InferenceEndpoint:
    """One path of the OpenAI API, as an ASGI application."""

    def __init__(self, path: str, state: GatewayState, *, can_stream: bool) -> None:
        self.path = path
        self._state = state
        self._can_stream = can_stream
        self._in_flight = state.metrics.in_flight.labels(path)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        state, generation = self._state, self._state.active
        record = RequestRecord(self.path, request_id(header(scope["headers"], b"x-request-id")))
        self._in_flight.inc()
        generation.enter()
        try:
            await Exchange(self, state, generation, record, scope, receive, send).serve()
        finally:
            generation.leave()
            self._in_flight.dec()
            record.finish(state.metrics)

    async def accept(self, scope: Scope, generation: Generation) -> Identity:
        """Judge what the headers tell. Raises GatewayError (401, 405, 503)."""
        if self._state.refusing:
            raise errors.shutting_down()
        if scope["method"] != "POST":
            raise errors.method_not_allowed("POST")
        return await generation.keys.admit(header(scope["headers"], b"authorization"))

    def parse(self, body: bytes) -> InferenceRequest:
        return parse_request(body, can_stream=self._can_stream)


class Exchange:
    """One request and its answer."""

    __slots__ = (
        "_answer",
        "_endpoint",
        "_generation",
        "_receive",
        "_record",
        "_recording",
        "_scope",
        "_send",
        "_services",
        "_state",
        "_trace",
    )

    def __init__(
        self,
        endpoint: InferenceEndpoint,
        state: GatewayState,
        generation: Generation,
        record: RequestRecord,
        scope: Scope,
        receive: Receive,
        send: Send,
    ) -> None:
        self._endpoint = endpoint
        self._state = state
        self._services = state.services
        self._generation = generation
        self._record = record
        self._scope = scope
        self._receive = receive
        self._recording: Recording | None = None
        self._trace = self._begin_trace()
        self._answer = ClientAnswer(record, state.metrics.requests, send)
        self._send: Send = self._answer

    async def serve(self) -> None:
        """Answer the request. Never raises: every failure has an answer, or an end that the client can see."""
        try:
            identity = await self._endpoint.accept(self._scope, self._generation)
            self._record.identify(identity)
            request = await self._read(identity)
            route = self._generation.route_for(request.model, identity.tenant)
            self._record.model = request.model
            await self._serve_watched(identity, request, route)
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
        finally:
            if self._recording is not None:
                self._recording.finish(self._record)
            if self._trace is not None:
                self._trace.finish(self._record)

    async def _read(self, identity: Identity) -> InferenceRequest:
        content_length = header(self._scope["headers"], b"content-length")
        limit_bytes = self._generation.config.max_request_body_bytes
        body = await read_body(self._receive, content_length, limit_bytes)
        if self._services.request_log is not None:
            self._record_texts(self._services.request_log, identity, body)
        request = self._endpoint.parse(body)
        self._record.stream = request.stream
        return request

    def _record_texts(self, request_log: RequestLog, identity: Identity, body: bytes) -> None:
        self._recording = request_log.begin(identity.tenant.id, self._record.request_id)
        if self._recording is not None:
            self._recording.ask(body)
            self._send = self._recording.listen(self._send)

    async def _serve_watched(self, identity: Identity, request: InferenceRequest, route: Route) -> None:
        watch = DisconnectWatch(self._scope)
        try:
            await self._serve_within_limits(identity, request, route)
            self._record.outcome = Outcome.COMPLETED
        except asyncio.CancelledError:
            if not watch.absorb():
                raise
            raise ClientGoneError from None
        finally:
            watch.stop()

    async def _serve_within_limits(self, identity: Identity, request: InferenceRequest, route: Route) -> None:
        config = self._generation.config
        wanted_tokens = tokens_to_reserve(request.document, len(request.body), config.quotas.default_completion_tokens)
        reservation = await self._services.quotas.reserve(identity.tenant, wanted_tokens)
        self._answer.headers.extend(reservation.headers)
        fetch: Fetch | None = None
        keep_awake: KeepAwake | None = None
        if request.stream and route.can_be_started and route.capacity() == 0:
            keep_awake = self._answer.keep_awake()
        try:
            fetch = self._fetch_for(identity, request, route, reservation)
            await self._answer_from_cache_or_engine(identity, request, fetch)
        finally:
            if keep_awake is not None:
                await keep_awake.disarm()
            # An engine may still work for others who wait for the same answer: its tokens are counted at its end.
            if fetch is None or not fetch.began:
                reservation.settle(0)

    async def _answer_from_cache_or_engine(self, identity: Identity, request: InferenceRequest, fetch: Fetch) -> None:
        cache = self._services.cache
        if cache is None:
            await fetch(self._send)
            return
        plan = cache.plan(
            tenant=identity.tenant,
            path=self._endpoint.path,
            headers=self._scope["headers"],
            request=request,
            revision=fetch.revision,
        )
        self._record.cache = await cache.answer(plan, fetch, self._send)

    def _fetch_for(
        self, identity: Identity, request: InferenceRequest, route: Route, reservation: Reservation
    ) -> Fetch:
        config = self._generation.config
        has_affinity = config.routing.prefix_affinity and len(route.endpoints) > 1
        conversation = None
        if has_affinity or route.canary is not None:
            conversation = conversation_of(identity.tenant.id, request)
        call = EngineCall(
            path=self._endpoint.path,
            body=request.body,
            headers=self._headers_for_engine(),
            conversation=conversation if has_affinity else None,
            first_byte_seconds=config.timeouts.first_byte_seconds,
            revision=route.revision if conversation is None else route.choose_revision(conversation),
        )
        wait_seconds = deadline_seconds(self._scope["headers"], config.admission)
        return Fetch(
            self._state, self._generation, route, identity, request, call, self._record, reservation, wait_seconds
        )

    def _begin_trace(self) -> RequestTrace | None:
        """Before anything can refuse the request, so that refusals are in the trace too."""
        telemetry = self._services.telemetry
        return None if telemetry is None else telemetry.tracing.begin(self._scope["headers"])

    def _headers_for_engine(self) -> dict[str, str]:
        headers = {"content-type": "application/json", "x-request-id": self._record.request_id.decode()}
        return headers | (trace_headers(self._scope["headers"]) if self._trace is None else self._trace.headers)

    async def _fail(self, error: GatewayError) -> None:
        if self._record.outcome is Outcome.FAILED:
            self._record.outcome = Outcome.of_error(error)
        self._record.error_code = error.code
        if error.status == CONTENT_TOO_LARGE and not self._answer.started:
            await send_error_and_linger(error, self._receive, self._answer)
        else:
            await self._answer.fail(error)
