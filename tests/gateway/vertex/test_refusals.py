"""What Vertex AI refuses: the engine's errors pass as they are, Google's say whether to try elsewhere."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from aiohttp import web
from google.rpc import code_pb2
from hypothesis import given
from hypothesis import strategies as st

from moorage_serving.gateway.upstream import vertex_refusal
from moorage_serving.gateway.upstream.connections import ConnectError
from tests.gateway.transports import CHAT, HEADERS, chat, read_all

from .rpc_status import HTTP_STATUS, GoogleError, error_info, retry_info

if TYPE_CHECKING:
    from moorage_serving.gateway.upstream.vertex import VertexTransport

    from .front_door import FrontDoor

    Door = tuple[FrontDoor, str]

pytestmark = pytest.mark.anyio
SECRET = "service-account-of-somebody"


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("status", [400, 404, 429, 500])
async def test_the_engines_error_passes_as_it_is(transport: VertexTransport, status: int, *, stream: bool) -> None:
    answer = await transport.send(CHAT, chat(stream=stream, status=status), HEADERS)
    assert answer.status == status
    assert dict(answer.headers)[b"content-type"] == b"application/json"
    assert json.loads(await read_all(answer))["error"]["message"] == "as told"


@pytest.mark.parametrize(
    ("error", "status", "code", "retry_after"),
    [
        (GoogleError("RESOURCE_EXHAUSTED", SECRET, retry_info(2.5)), 429, "upstream_throttled", b"3"),
        (GoogleError("RESOURCE_EXHAUSTED", SECRET, error_info("RATE")), 429, "upstream_throttled", b"1"),
        (GoogleError("UNAVAILABLE", SECRET, retry_info(9999)), 503, "upstream_not_ready", b"60"),
        (GoogleError("DEADLINE_EXCEEDED", SECRET), 504, "upstream_timeout", None),
        (GoogleError("INVALID_ARGUMENT", SECRET), 400, "invalid_request", None),
        (GoogleError("INVALID_ARGUMENT", SECRET, status=413), 413, "request_too_large", None),
        (GoogleError("INTERNAL", SECRET), 502, "upstream_failed", b"1"),
    ],
    ids=lambda value: value.code if isinstance(value, GoogleError) else None,
)
async def test_googles_errors_become_openais(
    transport: VertexTransport,
    front_door: Door,
    error: GoogleError,
    status: int,
    code: str,
    retry_after: bytes | None,
) -> None:
    front_door[0].refusals.append(error)
    answer = await transport.send(CHAT, chat(), HEADERS)
    assert (answer.status, dict(answer.headers).get(b"retry-after")) == (status, retry_after)
    body = await read_all(answer)
    assert json.loads(body)["error"]["code"] == code
    assert SECRET.encode() not in body


@pytest.mark.parametrize("code", ["PERMISSION_DENIED", "NOT_FOUND", "FAILED_PRECONDITION", "UNIMPLEMENTED"])
async def test_where_the_engine_saw_nothing_there_is_no_answer(
    transport: VertexTransport, front_door: Door, code: str
) -> None:
    front_door[0].refusals.append(GoogleError(code, SECRET))
    with pytest.raises(ConnectError, match=f"^{code}$"):
        await transport.send(CHAT, chat(), HEADERS)
    assert front_door[0].invocations == 0


async def test_a_refused_token_in_another_form_is_no_answer(transport: VertexTransport, front_door: Door) -> None:
    front_door[0].refusals.extend([web.Response(status=401, text="Jwt is missing") for _ in range(2)])
    with pytest.raises(ConnectError, match=r"^HTTP 401$"):
        await transport.send(CHAT, chat(), HEADERS)


def test_every_code_of_google_rpc_is_known() -> None:
    assert set(code_pb2.Code.keys()) - {"OK"} == vertex_refusal.CODES == set(HTTP_STATUS)


@given(code=st.sampled_from(sorted(HTTP_STATUS)), message=st.text(max_size=30), as_list=st.booleans())
def test_every_google_error_has_an_outcome(code: str, message: str, *, as_list: bool) -> None:
    error = GoogleError(code, message, retry_info(1))
    document = [error.document()] if as_list else error.document()
    body = json.dumps(document).encode()
    if code in vertex_refusal.NOT_REACHED:
        with pytest.raises(ConnectError, match=f"^{code}$"):
            vertex_refusal.told(error.status, {}, body)
    else:
        assert 400 <= vertex_refusal.told(error.status, {}, body).status <= 599


@given(st.integers(402, 599), st.binary(max_size=100))
def test_any_other_error_passes_as_it_is(status: int, body: bytes) -> None:
    answer = vertex_refusal.told(status, {"content-type": "text/plain"}, body)
    assert (answer.status, dict(answer.headers)[b"content-type"]) == (status, b"text/plain")


@given(st.text(max_size=12))
def test_a_delay_that_makes_no_sense_is_a_second(delay: str) -> None:
    error: dict[str, object] = {"details": [{"@type": vertex_refusal.RETRY_INFO, "retryDelay": delay}]}
    assert 1 <= vertex_refusal.retry_after_seconds(error) <= 60
