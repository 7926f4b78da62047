"""A front door with an engine behind it, and a transport to it with credentials out of the environment."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from moorage_serving.gateway.upstream.sagemaker import SageMakerTransport
from tests.gateway.fake_engine import FakeEngine

from .front_door import ENDPOINT, REGION, FrontDoor
from .signature import Key

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

KEY_ID, SECRET = "AKIDMOORED", "secret/of+the+gateway"


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Static credentials, and nothing of this machine's own configuration."""
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY_ID)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)


@pytest.fixture
async def engine() -> AsyncIterator[tuple[FakeEngine, str]]:
    fake = FakeEngine()
    yield fake, await fake.start()
    await fake.stop()


@pytest.fixture
async def front_door(engine: tuple[FakeEngine, str]) -> AsyncIterator[tuple[FrontDoor, str]]:
    door = FrontDoor(engine[1], {KEY_ID: Key(SECRET)})
    yield door, await door.start()
    await door.stop()


@pytest.fixture
async def transport(front_door: tuple[FrontDoor, str]) -> AsyncIterator[SageMakerTransport]:
    opened = SageMakerTransport(endpoint_name=ENDPOINT, region=REGION, address=front_door[1])
    yield opened
    await opened.close()
