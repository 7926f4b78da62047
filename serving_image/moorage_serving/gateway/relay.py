"""Passes an engine's answer on to the client, as it comes."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from moorage_serving.gateway.record import Outcome, RequestRecord
from moorage_serving.gateway.responses import EVENT_STREAM, error_event, header, passed_on
from moorage_serving.gateway.upstream.openai_http import READ_ERRORS, BrokenError
from moorage_serving.gateway.usage import DocumentTap, EventTap, Tap, UsageStrippingTap
from moorage_serving.gateway.watch import Interruption, Watch

if TYPE_CHECKING:
    from starlette.types import Send

    from moorage_serving.gateway.errors import GatewayError
    from moorage_serving.gateway.responses import HeaderList
    from moorage_serving.gateway.upstream.openai_http import Answer


class Relay:
    """One answer. `started`: the client has got its status and headers, there is no other answer any more."""

    __slots__ = ("_answer", "_headers", "_is_event_stream", "_record", "_send", "_tap", "started")

    def __init__(self, answer: Answer, record: RequestRecord, send: Send, *, strips_usage: bool) -> None:
        self._answer = answer
        self._record = record
        self._send = send
        self._headers: HeaderList = passed_on(answer.headers, record.request_id)
        self._is_event_stream = (header(self._headers, b"content-type") or b"").lower().startswith(EVENT_STREAM)
        self._tap: Tap = self._choose_tap(strips_usage=strips_usage)
        self.started = False

    async def run(self, watch: Watch, idle_seconds: float) -> None:
        """Pass everything on. Raises BrokenError when the engine breaks off."""
        read, send, feed = self._answer.read, self._send, self._tap.feed
        try:
            # Status and headers wait for the first byte of the body: until then, another answer is possible.
            chunk = await read()
            await self._start()
            watch.limit(idle_seconds, Interruption.IDLE_TIMEOUT)
            while chunk:
                watch.waiting_since = 0.0
                if passed := feed(chunk):
                    await send({"type": "http.response.body", "body": passed, "more_body": True})
                watch.waiting_since = watch.now()
                chunk = await read()
            await send({"type": "http.response.body", "body": self._tap.finish(), "more_body": False})
            self._record.outcome = Outcome.COMPLETED
        except READ_ERRORS as error:
            raise BrokenError(type(error).__name__) from error
        finally:
            self._record.usage = self._tap.usage

    async def break_off(self, error: GatewayError) -> None:
        """End a started answer so that it cannot be taken for complete.

        A stream ends with an error event. Any other answer just stops: the server then closes the connection before
        the announced end.
        """
        if self._is_event_stream:
            last = self._tap.interrupt() + error_event(error)
            await self._send({"type": "http.response.body", "body": last, "more_body": False})

    async def _start(self) -> None:
        self._record.status = self._answer.status
        self._record.first_byte_at = time.perf_counter()
        await self._send({"type": "http.response.start", "status": self._answer.status, "headers": self._headers})
        self.started = True

    def _choose_tap(self, *, strips_usage: bool) -> Tap:
        if not self._is_event_stream:
            return DocumentTap()
        if not strips_usage:
            return EventTap()
        # The answer becomes shorter than the engine announced.
        self._headers = [(name, value) for name, value in self._headers if name != b"content-length"]
        return UsageStrippingTap()
