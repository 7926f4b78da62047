"""A whole gateway before a SageMaker endpoint."""

from __future__ import annotations

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.gateway.cloud_gateway import CHAT, Cloud, CloudGatewayTests
from tests.gateway.processes import Gateway, chat, document, eventually

from .conftest import KEY_ID, SECRET
from .front_door import ENDPOINT, REGION, FrontDoor
from .signature import Key

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.gateway.processes import EngineRoom

REQUESTS = 30
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

    @pytest.mark.long
    def test_workers_divide_its_limit(self, cloud: Cloud, config_path: Path, engine_room: EngineRoom) -> None:
        """A cloud's endpoint tells nothing of its load."""
        cloud.engine.fake.counters.most_running = 0
        limited = {**cloud.configured, "max_concurrent_requests": 4}
        config_path.write_text(json.dumps(document(limited, timeouts={"connect_seconds": 30})))
        with Gateway(config_path, ("--workers", "2"), cloud.environment) as gateway:
            eventually(lambda: gateway.metric("workers") == 2)

            async def ask_all() -> list[int]:
                async with httpx.AsyncClient(timeout=60, trust_env=False, headers=gateway.client.headers) as http:
                    answers = (http.post(gateway.url + CHAT, json=chat()) for _ in range(REQUESTS))
                    return [answer.status_code for answer in await asyncio.gather(*answers)]

            with ThreadPoolExecutor(1) as clients, engine_room.holding(cloud.engine.fake.may_answer) as let_go:
                statuses = clients.submit(asyncio.run, ask_all())
                eventually(lambda: gateway.metric("demand_requests", model="moored") == REQUESTS)
                eventually(lambda: cloud.engine.fake.counters.running == 4)
                let_go()
                assert set(statuses.result()) == {200}
        assert cloud.engine.fake.counters.most_running == 4
