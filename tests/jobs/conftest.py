"""One server of moto for all, a place for each test, and an engine that does as it is told."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.gateway.processes import EngineRoom, RunningEngine
from tests.moto_server import ENVIRONMENT, moto_server

from .place import JobsPlace, make_place

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with moto_server(tmp_path_factory.mktemp("moto")) as address:
        yield address


@pytest.fixture
def jobs(cloud: str, monkeypatch: pytest.MonkeyPatch) -> JobsPlace:
    for name, value in {**ENVIRONMENT, "AWS_ENDPOINT_URL": cloud}.items():
        monkeypatch.setenv(name, value)
    return make_place(cloud)


@pytest.fixture(scope="session")
def engine_room() -> Iterator[EngineRoom]:
    room = EngineRoom()
    yield room
    room.close()


@pytest.fixture
def engine(engine_room: EngineRoom) -> Iterator[RunningEngine]:
    with engine_room.engine() as running:
        yield running
