"""A whole gateway before a Vertex AI endpoint."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.gateway.cloud_gateway import Cloud, CloudGatewayTests

from .front_door import ENDPOINT_ID, PROJECT, REGION, FrontDoor
from .token_servers import ACCOUNT, TokenServers, private_key_pem

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.gateway.processes import EngineRoom


def environment(path: Path, key: rsa.RSAPrivateKey, token_uri: str) -> dict[str, str]:
    """A service account's key, where application default credentials look first."""
    account = {
        "type": "service_account",
        "project_id": PROJECT,
        "private_key_id": "1",
        "private_key": private_key_pem(key),
        "client_email": ACCOUNT,
        "token_uri": token_uri,
    }
    path.write_text(json.dumps(account))
    return {"GOOGLE_APPLICATION_CREDENTIALS": str(path)}


class TestGateway(CloudGatewayTests):
    @pytest.fixture(scope="class")
    @classmethod
    def tokens(cls, engine_room: EngineRoom, account_key: rsa.RSAPrivateKey) -> Iterator[TokenServers]:
        servers = TokenServers(account_key.public_key())
        engine_room.run(servers.start())
        yield servers
        engine_room.run(servers.stop())

    @pytest.fixture(scope="class")
    @classmethod
    def cloud(
        cls,
        engine_room: EngineRoom,
        tokens: TokenServers,
        account_key: rsa.RSAPrivateKey,
        tmp_path_factory: pytest.TempPathFactory,
    ) -> Iterator[Cloud]:
        with engine_room.engine() as engine:
            door = FrontDoor(engine.address, tokens)
            configured = {
                "name": "google",
                "kind": "vertex",
                "model": "moored",
                "revision": "r1",
                "region": REGION,
                "project": PROJECT,
                "endpoint_id": ENDPOINT_ID,
                "address": engine_room.run(door.start()),
            }
            path = tmp_path_factory.mktemp("vertex") / "key.json"
            private_key = private_key_pem(account_key)
            # As it stands in the file, and as lines in which it would be logged.
            key_lines = private_key.splitlines()[1:-1]
            yield Cloud(
                door,
                engine,
                configured,
                environment(path, account_key, f"{tokens.address}/token"),
                lambda: [*key_lines, *tokens.valid_until],
            )
            engine_room.run(door.stop())

    @pytest.fixture
    def refused_environment(self, tokens: TokenServers, tmp_path: Path) -> dict[str, str]:
        """Somebody else's key."""
        other = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        return environment(tmp_path / "key.json", other, f"{tokens.address}/token")
