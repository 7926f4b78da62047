"""A whole gateway before a SageMaker endpoint."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.gateway.cloud_gateway import Cloud, CloudGatewayTests

from .conftest import KEY_ID, SECRET
from .front_door import ENDPOINT, REGION, FrontDoor
from .signature import Key

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.gateway.processes import EngineRoom

SESSION_TOKEN = "session-token/of+the+gateway="


def environment(secret: str, session_token: str) -> dict[str, str]:
    """Temporary credentials, and nothing of this machine's own configuration."""
    return {
        "AWS_ACCESS_KEY_ID": KEY_ID,
        "AWS_SECRET_ACCESS_KEY": secret,
        "AWS_SESSION_TOKEN": session_token,
        "AWS_CONFIG_FILE": "/nonexistent",
        "AWS_SHARED_CREDENTIALS_FILE": "/nonexistent",
        "AWS_EC2_METADATA_DISABLED": "true",
    }


class TestGateway(CloudGatewayTests):
    @pytest.fixture(scope="class")
    @classmethod
    def cloud(cls, engine_room: EngineRoom) -> Iterator[Cloud]:
        with engine_room.engine() as engine:
            door = FrontDoor(engine.address, {KEY_ID: Key(SECRET, SESSION_TOKEN)})
            configured = {
                "name": "aws",
                "kind": "sagemaker",
                "model": "moored",
                "revision": "r1",
                "region": REGION,
                "endpoint_name": ENDPOINT,
                "address": engine_room.run(door.start()),
            }
            yield Cloud(door, engine, configured, environment(SECRET, SESSION_TOKEN), lambda: [SECRET, SESSION_TOKEN])
            engine_room.run(door.stop())

    @pytest.fixture
    def refused_environment(self) -> dict[str, str]:
        return environment("another secret", SESSION_TOKEN)
