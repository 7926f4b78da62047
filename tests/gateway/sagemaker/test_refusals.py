"""What SageMaker refuses: the model's errors keep their status, everything else says whether to try elsewhere."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moorage_serving.gateway.upstream.connections import ConnectError
from moorage_serving.gateway.upstream.sagemaker import SageMakerTransport
from moorage_serving.gateway.upstream.sagemaker_refusal import Refusal
from tests.gateway.transports import CHAT, HEADERS, chat, read_all

from .conftest import KEY_ID, SECRET
from .front_door import REGION
from .signature import AwsError, Key

if TYPE_CHECKING:
    from .front_door import FrontDoor

    Door = tuple[FrontDoor, str]

pytestmark = pytest.mark.anyio
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=20), inner, max_size=3),
)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("status", [400, 404, 500])
async def test_the_models_error_keeps_its_status_and_words(
    transport: SageMakerTransport, status: int, *, stream: bool
) -> None:
    answer = await transport.send(CHAT, chat(stream=stream, status=status), HEADERS)
    assert answer.status == status
    assert json.loads(await read_all(answer))["error"]["message"] == "as told"


async def test_a_models_error_that_was_cut_off_is_still_an_openai_error(
    transport: SageMakerTransport, front_door: Door
) -> None:
    words = '{"error": {"message": "' + "x" * 2000
    front_door[0].refusals.append(
        AwsError(424, "ModelError", "Received", OriginalStatusCode=422, OriginalMessage=words)
    )
    answer = await transport.send(CHAT, chat(), HEADERS)
    assert answer.status == 422
    assert json.loads(await read_all(answer))["error"]["message"] == words


async def test_a_model_that_broke_off_did_not_answer_in_time(transport: SageMakerTransport) -> None:
    answer = await transport.send(CHAT, chat(fault="reset_before_headers"), HEADERS)
    assert answer.status == 504
    answer.close()


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (AwsError(400, "ThrottlingException", "Rate exceeded"), 429, "upstream_throttled"),
        (AwsError(429, "ModelNotReadyException", "loading"), 503, "upstream_not_ready"),
        (AwsError(503, "ServiceUnavailable", "later"), 503, "upstream_not_ready"),
        (AwsError(500, "InternalFailure", "unknown"), 502, "upstream_failed"),
        (AwsError(530, "InternalDependencyException", "unknown"), 502, "upstream_failed"),
        (AwsError(413, "RequestEntityTooLargeException", "large"), 413, "request_too_large"),
        (AwsError(424, "ModelError", "without the original"), 502, "upstream_failed"),
    ],
    ids=lambda value: value.error_type if isinstance(value, AwsError) else None,
)
@pytest.mark.parametrize("stream", [False, True])
async def test_sagemakers_errors_become_openais(
    transport: SageMakerTransport, front_door: Door, error: AwsError, status: int, code: str, *, stream: bool
) -> None:
    front_door[0].refusals.append(error)
    answer = await transport.send(CHAT, chat(stream=stream), HEADERS)
    assert answer.status == status
    assert (b"retry-after" in dict(answer.headers)) == (status in {429, 502, 503})
    assert json.loads(await read_all(answer))["error"]["code"] == code


@pytest.mark.parametrize(
    ("keys", "error_type"),
    [
        ({}, "UnrecognizedClientException"),
        ({KEY_ID: Key("another")}, "InvalidSignatureException"),
        ({KEY_ID: Key(SECRET, expired=True)}, "ExpiredTokenException"),
        ({KEY_ID: Key(SECRET, allowed=False)}, "AccessDeniedException"),
    ],
)
async def test_refused_credentials_are_named_and_nothing_of_them(
    transport: SageMakerTransport, front_door: Door, keys: dict[str, Key], error_type: str
) -> None:
    front_door[0].keys = keys
    with pytest.raises(ConnectError, match=f"^{error_type}$"):
        await transport.send(CHAT, chat(), HEADERS)
    assert front_door[0].invocations == 0


async def test_an_endpoint_that_is_not_there_is_no_answer(front_door: Door) -> None:
    transport = SageMakerTransport(endpoint_name="nowhere", region=REGION, address=front_door[1])
    with pytest.raises(ConnectError, match="ValidationError: Endpoint of account 123456789012 not found"):
        await transport.send(CHAT, chat(), HEADERS)
    await transport.close()


async def test_a_component_that_is_scaled_to_zero_is_no_answer(transport: SageMakerTransport, front_door: Door) -> None:
    front_door[0].copies = {"moored": 0}
    with pytest.raises(ConnectError, match="header is required"):
        await transport.send(CHAT, chat(), HEADERS)
    transport._target = {"x-amzn-sagemaker-inference-component": "moored"}
    with pytest.raises(ConnectError, match="has no capacity"):
        await transport.send(CHAT, chat(), HEADERS)


async def test_a_front_door_that_is_not_there_is_no_answer(unused_address: str) -> None:
    transport = SageMakerTransport(endpoint_name="moored", region=REGION, address=unused_address)
    with pytest.raises(ConnectError, match="ClientConnectorError"):
        await transport.send(CHAT, chat(), HEADERS)
    assert await transport.probe(5) == "unreachable: ClientConnectorError"
    await transport.close()


@given(st.integers(300, 599), st.one_of(st.binary(max_size=50), JSON.map(lambda value: json.dumps(value).encode())))
def test_whatever_comes_instead_of_an_aws_error_has_an_answer(status: int, body: bytes) -> None:
    refusal = Refusal.parse(status, {}, body)
    try:
        answer = refusal.told()
    except ConnectError:
        assert status < 500
    else:
        assert 400 <= answer.status <= 599
