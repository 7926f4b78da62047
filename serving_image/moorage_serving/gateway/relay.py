"""Passes an engine's answer on, as it comes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from moorage_serving.gateway import errors
from moorage_serving.gateway.responses import REVISION, is_event_stream, passed_on
from moorage_serving.gateway.upstream.connections import READ_ERRORS
from moorage_serving.gateway.usage import DocumentTap, EventTap, Tap, UsageStrippingTap

if TYPE_CHECKING:
    from starlette.types import Send

    from moorage_serving.gateway.responses import HeaderList
    from moorage_serving.gateway.upstream.opened_answer import OpenedAnswer
    from moorage_serving.gateway.usage import Usage
    from moorage_serving.gateway.watch import IdleTimer


class Relay:
    """One answer. `events`: how many of a stream have passed; about the tokens that it had."""

    __slots__ = ("_answer", "_headers", "_is_event_stream", "_send", "_started", "_tap", "events")

    def __init__(self, answer: OpenedAnswer, send: Send, *, strips_usage: bool) -> None:
        self._answer = answer
        self._send = send
        self._headers: HeaderList = [*passed_on(answer.headers), (REVISION, answer.endpoint.config.revision.encode())]
        self._is_event_stream = is_event_stream(self._headers)
        self._tap: Tap = self._choose_tap(strips_usage=strips_usage)
        self._started = False
        self.events = 0

    @property
    def usage(self) -> Usage | None:
        return self._tap.usage

    async def run(self, timer: IdleTimer) -> None:
        """Pass everything on. Raises GatewayError (502) when the engine breaks off."""
        read, send, feed = self._answer.read, self._send, self._tap.feed
        chunk = self._answer.first
        await send({"type": "http.response.start", "status": self._answer.status, "headers": self._headers})
        self._started = True
        try:
            while chunk:
                timer.waiting_since = 0.0
                self.events += chunk.count(b"\n\n")
                if passed := feed(chunk):
                    await send({"type": "http.response.body", "body": passed, "more_body": True})
                timer.waiting_since = timer.now()
                chunk = await read()
        except READ_ERRORS as error:
            raise errors.upstream_failed("The engine broke off before its answer was complete.") from error
        await send({"type": "http.response.body", "body": self._tap.finish(), "more_body": False})

    async def seal(self) -> None:
        """After a failure: end the event that was being sent, so that another one can follow."""
        if self._started and self._is_event_stream and (rest := self._tap.interrupt()):
            await self._send({"type": "http.response.body", "body": rest, "more_body": True})

    def _choose_tap(self, *, strips_usage: bool) -> Tap:
        if not self._is_event_stream:
            return DocumentTap()
        if not strips_usage:
            return EventTap()
        # The answer becomes shorter than the engine announced.
        self._headers = [(name, value) for name, value in self._headers if name != b"content-length"]
        return UsageStrippingTap()
