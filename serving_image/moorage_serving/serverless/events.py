"""Events of Lambda that are no HTTP requests, such as messages of a queue: nothing here works on them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

log = structlog.get_logger("events")
PATH = "/events"
"""`AWS_LWA_PASS_THROUGH_PATH`."""
FAILED = 599
"""`AWS_LWA_ERROR_STATUS_CODES`: the adapter fails the invocation, and no engine answers a request with it."""
# The adapter writes it into every request, over what a client has sent; only of an event there is no context.
_CONTEXT, _NO_CONTEXT = b"x-amzn-request-context", b"null"


class RefusedEvents:
    """Fails the invocation with such an event, so that its queue keeps the messages; all else is the application's.

    The gateway's 404 would be a success to Lambda, and the messages would be gone.
    """

    def __init__(self, application: ASGIApp) -> None:
        self._application = application

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] != PATH or (_CONTEXT, _NO_CONTEXT) not in scope["headers"]:
            await self._application(scope, receive, send)
            return
        log.error("event_refused", reason="this function answers HTTP requests alone")
        await send({"type": "http.response.start", "status": FAILED, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body", "body": b""})
