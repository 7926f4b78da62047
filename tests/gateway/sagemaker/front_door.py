"""The SageMaker runtime, as strict as the real one, in front of a container that runs a programmable engine."""

from __future__ import annotations

import io
import json
import re
from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import aiohttp
from aiohttp import web

from tests.gateway.cloud_door import CloudDoor

from . import event_stream
from .signature import AwsError, Key, SignedRequest, verify

if TYPE_CHECKING:
    from collections.abc import Callable

REGION = "eu-central-1"
ENDPOINT = "moored"
MAX_BODY_BYTES = 6_291_456
NAME = re.compile(r"[a-zA-Z0-9](-*[a-zA-Z0-9])*")
# What AWS's vLLM image takes out of the header (scripts/docker/vllm/sagemaker_serve.py).
ROUTE = re.compile(r"route=(/[^\s,]+)")
ATTRIBUTES = "x-amzn-sagemaker-custom-attributes"


@dataclass
class FrontDoor(CloudDoor):
    """`engine` is the container's address. What follows `keys` are faults, for tests to set."""

    engine: str
    keys: dict[str, Key]
    region: str = REGION
    endpoint: str = ENDPOINT
    copies: dict[str, int] = field(default_factory=dict)  # of every inference component; empty: there are none
    refusals: deque[AwsError] = field(default_factory=deque)  # the next answers
    fail_after_parts: tuple[int, bytes] | None = None  # then this message comes instead of the rest
    mangle: Callable[[bytes], bytes] | None = None  # changes every message
    max_part_bytes: int = 1_000_000

    invocations: int = 0
    received: deque[SignedRequest] = field(default_factory=lambda: deque(maxlen=100))
    sent_bytes: int = 0

    async def start(self) -> str:
        application = web.Application(client_max_size=4 * MAX_BODY_BYTES)
        application.router.add_post("/endpoints/{name}/invocations", self._invoke)
        application.router.add_post("/endpoints/{name}/invocations-response-stream", self._invoke_with_response_stream)
        return await self.serve(application)

    async def _invoke(self, request: web.Request) -> web.StreamResponse:
        try:
            signed = await self._admit(request)
            async with await self._ask_container(signed) as answer:
                body = await answer.read()
                _raise_model_error(answer.status, body)
                headers = {"content-type": answer.headers["content-type"], "x-amzn-invoked-production-variant": "all"}
                return web.Response(body=body, headers=headers)
        except AwsError as error:
            return _error_answer(error)
        except aiohttp.ClientError:
            return _error_answer(_model_error(0, "Your invocation timed out while waiting for a response"))

    async def _invoke_with_response_stream(self, request: web.Request) -> web.StreamResponse:
        try:
            signed = await self._admit(request)
            answer = await self._ask_container(signed)
        except AwsError as error:
            return _error_answer(error)
        async with answer:
            if answer.status >= 400:
                body = await answer.read()
                return _error_answer(_model_error(answer.status, body.decode()))
            headers = {
                "content-type": "application/vnd.amazon.eventstream",
                "x-amzn-sagemaker-content-type": answer.headers["content-type"],
            }
            response = web.StreamResponse(headers=headers)
            await response.prepare(request)
            await self._pass_on(answer, response)
            return response

    async def _pass_on(self, answer: aiohttp.ClientResponse, response: web.StreamResponse) -> None:
        parts = 0
        try:
            async for piece in answer.content.iter_any():
                for start in range(0, len(piece), self.max_part_bytes):
                    if self.fail_after_parts and parts == self.fail_after_parts[0]:
                        await self._write(response, self.fail_after_parts[1])
                        return
                    await self._write(response, event_stream.payload_part(piece[start : start + self.max_part_bytes]))
                    parts += 1
        except aiohttp.ClientError:
            broken = {"Message": "The connection to the model was reset", "ErrorCode": "StreamBroken"}
            await self._write(response, event_stream.exception("ModelStreamError", **broken))

    async def _write(self, response: web.StreamResponse, message: bytes) -> None:
        message = self.mangle(message) if self.mangle else message
        await response.write(message)
        self.sent_bytes += len(message)

    async def _admit(self, request: web.Request) -> SignedRequest:
        """Everything before the container: signature, names, size."""
        headers = {name.lower(): value for name, value in request.headers.items()}
        signed = SignedRequest("POST", request.raw_path, request.query_string, headers, await request.read())
        self.received.append(signed)
        verify(signed, self.keys, self.region, "sagemaker", datetime.now(UTC))
        if self.refusals:
            raise self.refusals.popleft()
        if len(signed.body) > MAX_BODY_BYTES:
            raise AwsError(413, "RequestEntityTooLargeException", "Request is too large")
        variant = headers.get("x-amzn-sagemaker-target-variant", "all")
        if not NAME.fullmatch(variant):
            detected = f"1 validation error detected: Value '{variant}' at 'targetVariant' failed to satisfy constraint"
            raise AwsError(400, "ValidationError", detected)
        if request.match_info["name"] != self.endpoint:
            raise AwsError(400, "ValidationError", "Endpoint of account 123456789012 not found.")
        self._check_component(headers.get("x-amzn-sagemaker-inference-component"))
        self.invocations += 1
        return signed

    def _check_component(self, component: str | None) -> None:
        if not self.copies and component is None:
            return
        if component is None:
            raise AwsError(400, "ValidationError", "Inference Component Name header is required for endpoints")
        if component not in self.copies:
            raise AwsError(400, "ValidationError", f"Inference Component {component} not found")
        if not self.copies[component]:
            raise AwsError(400, "ValidationError", "Inference Component has no capacity to process this request.")

    async def _ask_container(self, signed: SignedRequest) -> aiohttp.ClientResponse:
        """POST /invocations with all that SageMaker lets through, as the container's middleware sends it on."""
        passed = {name: value for name, value in signed.headers.items() if name in {"content-type", ATTRIBUTES}}
        route = ROUTE.search(passed.get(ATTRIBUTES, ""))
        path = route[1] if route else path_for(json.loads(signed.body))
        return await self._container.post(self.engine + path, data=io.BytesIO(signed.body), headers=passed)


def path_for(body: dict[str, Any]) -> str:
    """How vLLM's own /invocations chooses (vllm/entrypoints/sagemaker)."""
    if "messages" in body:
        return "/v1/chat/completions"
    return "/v1/completions" if "prompt" in body else "/v1/embeddings"


def _raise_model_error(status: int, body: bytes) -> None:
    if status >= 400:
        raise _model_error(status, body.decode())


def _model_error(status: int, text: str) -> AwsError:
    kind = "client" if 400 <= status < 500 else "server"
    return AwsError(
        424,
        "ModelError",
        f'Received {kind} error ({status}) from primary with message "{text}". See the log.',
        ErrorCode=f"{kind.upper()}_ERROR_FROM_MODEL",
        OriginalStatusCode=status,
        OriginalMessage=text[:2048],
        LogStreamArn="arn:aws:logs:eu-central-1:123456789012:log-group:/aws/sagemaker/Endpoints/moored",
    )


def _error_answer(error: AwsError) -> web.Response:
    headers = {
        "content-type": "application/json",
        "x-amzn-errortype": f"{error.error_type}:http://internal.amazon.com/coral/com.amazonaws.sagemaker/",
    }
    return web.Response(status=error.status, body=json.dumps(error.document).encode(), headers=headers)
