"""The answer to one client, and what is still possible with it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from moorage_serving.gateway.activation.keep_awake import KeepAwake
from moorage_serving.gateway.responses import HeaderList, error_event, is_event_stream, send_error

if TYPE_CHECKING:
    from starlette.types import Message, Send

    from moorage_serving.gateway.errors import GatewayError
    from moorage_serving.gateway.record import RequestRecord
    from moorage_serving.gateway.telemetry.request_metrics import RequestMetrics

ERRORS = 400


class ClientAnswer:
    """An ASGI `send` that adds the headers which belong to this client alone, and knows how far it is.

    `started`: the client has got status and headers, there is no other answer any more.
    """

    __slots__ = ("_is_event_stream", "_metrics", "_record", "_send", "headers", "started")

    def __init__(self, record: RequestRecord, metrics: RequestMetrics, send: Send) -> None:
        self._record = record
        self._metrics = metrics
        self._send = send
        self._is_event_stream = False
        self.headers: HeaderList = [(b"x-request-id", record.request_id)]
        self.started = False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            message = self._start(message)
        await self._send(message)

    def keep_awake(self) -> KeepAwake:
        """The client's stream will be long in coming: let it hear something meanwhile, until `disarm`."""
        keep_awake = KeepAwake(self._send, self.headers)
        keep_awake.arm()
        self._send = keep_awake
        return keep_awake

    async def fail(self, error: GatewayError) -> None:
        """Tell the client in the form that is still possible.

        A stream that has begun ends with an error event, so that it cannot be taken for complete. Any other answer
        just stops: the server then closes the connection before the announced end.
        """
        if not self.started:
            await send_error(error, self)
        elif self._is_event_stream:
            await self._send({"type": "http.response.body", "body": error_event(error), "more_body": False})

    def _start(self, message: Message) -> Message:
        self.started = True
        headers = message["headers"]
        self._is_event_stream = is_event_stream(headers)
        self._record.status = message["status"]
        if message["status"] < ERRORS:
            self._record.first_byte_at = time.perf_counter()
            if self._record.stream:
                self._metrics.start_stream()
        return {**message, "headers": [*headers, *self.headers]}
