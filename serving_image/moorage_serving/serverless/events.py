"""Events of Lambda that are no HTTP requests: messages of a queue are jobs, where there is one; others fail."""

from __future__ import annotations

import asyncio
import json
import time
from typing import TYPE_CHECKING

import structlog
from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

    from moorage_serving.serverless.jobs import FunctionJobs

log = structlog.get_logger("events")
PATH = "/events"
"""`AWS_LWA_PASS_THROUGH_PATH`."""
FAILED = 599
"""`AWS_LWA_ERROR_STATUS_CODES`: the adapter fails the invocation, and no engine answers a request with it."""
# The adapter writes both into every request, over what a client has sent; only of an event there is no request context.
_CONTEXT, _NO_CONTEXT = b"x-amzn-request-context", b"null"
_INVOCATION = "x-amzn-lambda-context"
GIVE_BACK_SECONDS = 5.0
"""Before Lambda ends the invocation: to say to queue and table that the jobs are anybody's again."""


class Events:
    """Answers such an event, or fails its invocation so that its queue keeps the messages; all else is the
    application's.

    Nothing but an answer of ours may be a success: the gateway's 404 would be one to Lambda, and so would be an empty
    answer, and the messages would be gone.
    """

    def __init__(self, application: ASGIApp, jobs: FunctionJobs | None) -> None:
        """`jobs`: None where this function has no queue."""
        self._application = application
        self._jobs = jobs

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] != PATH or (_CONTEXT, _NO_CONTEXT) not in scope["headers"]:
            await self._application(scope, receive, send)
            return
        answer = await self._answered(Request(scope, receive))
        await answer(scope, receive, send)

    async def _answered(self, request: Request) -> Response:
        if self._jobs is None:
            return _failed("this function answers HTTP requests alone")
        try:
            async with asyncio.timeout(_seconds_left(request)):
                return JSONResponse(await self._jobs.answer(await request.json()))
        except TimeoutError:
            return _failed("the function's time is over; its jobs are given back")
        except ValidationError:
            return _failed("it is none of SQS")
        except Exception as error:  # noqa: BLE001 - whatever it is, the messages have to come again
            return _failed(type(error).__name__)


def _seconds_left(request: Request) -> float:
    """Until the jobs have to be given back."""
    deadline_ms: int = json.loads(request.headers[_INVOCATION])["deadline"]
    return deadline_ms / 1000 - time.time() - GIVE_BACK_SECONDS


def _failed(reason: str) -> Response:
    log.error("event_refused", reason=reason)
    return Response(status_code=FAILED)
