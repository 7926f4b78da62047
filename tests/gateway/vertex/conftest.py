"""A front door with an engine behind it, token servers, and a transport with a service account's key."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from moorage_serving.gateway.upstream.vertex import VertexTransport
from tests.gateway.fake_engine import FakeEngine

from .front_door import ENDPOINT_ID, PROJECT, REGION, FrontDoor
from .token_servers import ACCOUNT, TokenServers, private_key_pem

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


@pytest.fixture(scope="session")
def account_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture
async def engine() -> AsyncIterator[tuple[FakeEngine, str]]:
    fake = FakeEngine()
    yield fake, await fake.start()
    await fake.stop()


@pytest.fixture
async def tokens(account_key: rsa.RSAPrivateKey) -> AsyncIterator[TokenServers]:
    servers = TokenServers(account_key.public_key())
    await servers.start()
    yield servers
    await servers.stop()


@pytest.fixture
def key_file(
    tokens: TokenServers, account_key: rsa.RSAPrivateKey, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Path:
    """The service account's key, where application default credentials look first."""
    path = tmp_path / "key.json"
    document = {
        "type": "service_account",
        "project_id": PROJECT,
        "private_key_id": "1",
        "private_key": private_key_pem(account_key),
        "client_email": ACCOUNT,
        "token_uri": f"{tokens.address}/token",
    }
    path.write_text(json.dumps(document))
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(path))
    return path


@pytest.fixture
async def front_door(engine: tuple[FakeEngine, str], tokens: TokenServers) -> AsyncIterator[tuple[FrontDoor, str]]:
    door = FrontDoor(engine[1], tokens)
    yield door, await door.start()
    await door.stop()


@pytest.fixture
async def transport(front_door: tuple[FrontDoor, str], key_file: Path) -> AsyncIterator[VertexTransport]:
    opened = VertexTransport(address=front_door[1], project=PROJECT, region=REGION, endpoint_id=ENDPOINT_ID)
    yield opened
    await opened.close()
