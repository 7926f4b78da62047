"""Takes the engine's bytes out of a SageMaker response stream (encoding application/vnd.amazon.eventstream)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore.eventstream import EventStreamBuffer, ParserError

from moorage_serving.gateway.upstream.connections import BrokenError

if TYPE_CHECKING:
    from aiohttp.client_reqrep import ClientResponse

MODEL_CONTENT_TYPE = "x-amzn-sagemaker-content-type"
PAYLOAD_PART = "PayloadPart"


class PayloadDecoder:
    """Joins the payload of events. Holds no more than one event that is not complete yet."""

    __slots__ = ("_buffer", "_failure", "_undecoded_bytes")

    def __init__(self) -> None:
        self._buffer = EventStreamBuffer()
        self._undecoded_bytes = 0
        self._failure: str | None = None

    def feed(self, chunk: bytes) -> bytes:
        """The payload of all events that are complete with `chunk`, up to the first failure."""
        self._buffer.add_data(chunk)
        self._undecoded_bytes += len(chunk)
        payloads: list[bytes] = []
        try:
            for message in self._buffer:
                self._undecoded_bytes -= message.prelude.total_length  # pyright: ignore[reportOptionalMemberAccess]
                headers = message.headers
                if headers.get(":event-type") == PAYLOAD_PART:
                    payloads.append(message.payload)
                elif headers.get(":message-type") != "event":
                    # Only its name: the message of a ModelStreamError is the model's.
                    self._failure = str(headers.get(":exception-type") or headers.get(":error-code") or "unknown error")
                    break
        except (ParserError, ValueError, LookupError) as error:
            self._failure = f"not an event stream: {type(error).__name__}"
        return payloads[0] if len(payloads) == 1 else b"".join(payloads)

    def check(self) -> None:
        """Raises BrokenError once the stream has failed."""
        if self._failure is not None:
            raise BrokenError(self._failure)

    def finish(self) -> None:
        """The connection's end. Raises BrokenError when it came too early."""
        self.check()
        if self._undecoded_bytes:
            raise BrokenError("the stream ended within an event")


class EventStreamAnswer:
    """A streamed answer of the model. Read like any other answer: only as fast as its reader."""

    __slots__ = ("_decoder", "_response", "headers", "status")

    def __init__(self, response: ClientResponse) -> None:
        self._response = response
        self._decoder = PayloadDecoder()
        self.status = response.status
        content_type = response.headers.get(MODEL_CONTENT_TYPE, "text/event-stream")
        self.headers = ((b"content-type", content_type.encode("latin-1")),)

    async def read(self) -> bytes:
        """The payload that has come since, as soon as there is any, and nothing at the end.

        Raises BrokenError or one of openai_http's READ_ERRORS.
        """
        while True:
            self._decoder.check()
            chunk = await self._response.content.readany()
            if not chunk:
                self._decoder.finish()
                return b""
            if payload := self._decoder.feed(chunk):
                return payload

    def close(self) -> None:
        """Break the connection if the answer is not complete; otherwise keep it."""
        if self._response.content.at_eof():
            self._response.release()
        else:
            self._response.close()
