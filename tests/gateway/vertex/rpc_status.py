"""Google's error answers: google.rpc.Status in the JSON form of protobuf, as Google's front doors wrap it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from aiohttp import web
from google.protobuf import any_pb2, duration_pb2, json_format
from google.rpc import code_pb2, error_details_pb2, status_pb2

if TYPE_CHECKING:
    from google.protobuf.message import Message

# google/rpc/code.proto names the HTTP status of every code.
HTTP_STATUS = {
    "CANCELLED": 499,
    "UNKNOWN": 500,
    "INVALID_ARGUMENT": 400,
    "DEADLINE_EXCEEDED": 504,
    "NOT_FOUND": 404,
    "ALREADY_EXISTS": 409,
    "PERMISSION_DENIED": 403,
    "UNAUTHENTICATED": 401,
    "RESOURCE_EXHAUSTED": 429,
    "FAILED_PRECONDITION": 400,
    "ABORTED": 409,
    "OUT_OF_RANGE": 400,
    "UNIMPLEMENTED": 501,
    "INTERNAL": 500,
    "UNAVAILABLE": 503,
    "DATA_LOSS": 500,
}


class GoogleError(Exception):
    """An error answer."""

    def __init__(self, code: str, message: str, *details: Message, status: int | None = None) -> None:
        super().__init__(code)
        self.code = code
        self.status = HTTP_STATUS[code] if status is None else status
        packed = [any_pb2.Any() for _ in details]
        for box, detail in zip(packed, details, strict=True):
            box.Pack(detail)
        self.rpc_status = status_pb2.Status(code=code_pb2.Code.Value(code), message=message, details=packed)

    def document(self) -> dict[str, object]:
        """`code` is the HTTP status here, and `status` the name of the code: google.aip.dev/193."""
        document = json_format.MessageToDict(self.rpc_status)
        return {"error": {**document, "code": self.status, "status": self.code}}

    def answer(self) -> web.Response:
        body = json.dumps(self.document()).encode()
        return web.Response(status=self.status, body=body, content_type="application/json", charset="UTF-8")


def error_info(reason: str) -> error_details_pb2.ErrorInfo:
    return error_details_pb2.ErrorInfo(reason=reason, domain="googleapis.com", metadata={"service": "aiplatform"})


def retry_info(seconds: float) -> error_details_pb2.RetryInfo:
    delay = duration_pb2.Duration()
    delay.FromMilliseconds(int(seconds * 1000))
    return error_details_pb2.RetryInfo(retry_delay=delay)
