"""A probe proves name, connection and signature, and never asks the model."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest

from moorage_serving.gateway.upstream.sagemaker import SageMakerTransport

from .conftest import KEY_ID, SECRET
from .front_door import ENDPOINT, REGION
from .signature import AwsError, Key

if TYPE_CHECKING:
    from .front_door import FrontDoor

    Door = tuple[FrontDoor, str]

pytestmark = pytest.mark.anyio


async def test_a_front_door_that_takes_the_signature_is_well(transport: SageMakerTransport, front_door: Door) -> None:
    assert await transport.probe(30) is None
    assert len(front_door[0].received) == 1
    assert front_door[0].invocations == 0


async def test_being_throttled_is_well(transport: SageMakerTransport, front_door: Door) -> None:
    front_door[0].refusals.append(AwsError(400, "ThrottlingException", "Rate exceeded"))
    assert await transport.probe(30) is None


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({KEY_ID: Key("another")}, "SageMaker answered InvalidSignatureException"),
        ({KEY_ID: Key(SECRET, allowed=False)}, "SageMaker answered AccessDeniedException"),
    ],
)
async def test_a_refused_signature_is_ill(
    transport: SageMakerTransport, front_door: Door, keys: dict[str, Key], said: str
) -> None:
    front_door[0].keys = keys
    assert await transport.probe(30) == said


async def test_a_front_door_out_of_order_is_ill(transport: SageMakerTransport, front_door: Door) -> None:
    front_door[0].refusals.append(AwsError(503, "ServiceUnavailable", "later"))
    assert await transport.probe(30) == "SageMaker answered ServiceUnavailable"


async def test_silence_is_ill() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:  # takes connections, and says nothing
        address = f"http://127.0.0.1:{listener.getsockname()[1]}"
        silent = SageMakerTransport(endpoint_name=ENDPOINT, region=REGION, address=address)
        assert await silent.probe(0.2) == "SageMaker did not answer within 0.2 s"
        assert silent.busy_connections == 0
        await silent.close()
