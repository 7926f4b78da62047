"""One engine room, and one gateway with an upstream for every situation; tests that change one start their own."""

from __future__ import annotations

import json
import shutil
import socket
from typing import TYPE_CHECKING

import pytest

from .processes import DEAD_ADDRESS, REPOSITORY, EngineRoom, Gateway, RunningEngine, document, upstream
from .redis_process import RedisProcess

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TOKEN_VARIABLE = "ENGINE_TOKEN"
TOKEN = "token-of-the-engine"


@pytest.fixture(scope="session")
def engine_room() -> Iterator[EngineRoom]:
    room = EngineRoom()
    yield room
    room.close()


@pytest.fixture(scope="session")
def engine(engine_room: EngineRoom) -> Iterator[RunningEngine]:
    with engine_room.engine() as running:
        yield running


@pytest.fixture(scope="session")
def engine_on_unix_socket(engine_room: EngineRoom, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningEngine]:
    with engine_room.engine(path=tmp_path_factory.mktemp("engine") / "s") as running:
        yield running


@pytest.fixture(scope="session")
def gateway(
    engine: RunningEngine,
    engine_on_unix_socket: RunningEngine,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Gateway]:
    """Serves `moored`, `moored-uds`, `limited` (two at once), `spare` (dead, then alive), `dead`, `with-token`,
    and `overflow` (one at once, then the unix socket)."""
    token = {"bearer_token_environment_variable": TOKEN_VARIABLE}
    config = document(
        upstream("tcp", engine.address),
        upstream("uds", engine_on_unix_socket.address, "moored-uds"),
        upstream("narrow", engine.address, "limited", max_concurrent_requests=2),
        upstream("gone", DEAD_ADDRESS, "spare"),
        upstream("no-host", "http://a..b", "spare"),
        upstream("no-port", "http://127.0.0.1:99999", "spare"),
        upstream("no-socket", f"unix:///{'long' * 40}", "spare"),
        upstream("alive", engine.address, "spare"),
        upstream("dead", DEAD_ADDRESS, "dead"),
        upstream("guarded", engine.address, "with-token", authentication=token),
        upstream("one-at-once", engine.address, "overflow", max_concurrent_requests=1),
        upstream("more", engine_on_unix_socket.address, "overflow"),
        max_request_body_bytes=100_000,
    )
    path = tmp_path_factory.mktemp("gateway") / "config.json"
    path.write_text(json.dumps(config))
    with Gateway(path, environment={TOKEN_VARIABLE: TOKEN}, is_patient=True) as running:
        yield running


@pytest.fixture
def config_path(tmp_path: Path) -> Path:
    return tmp_path / "config.json"


@pytest.fixture(scope="session")
def redis_server() -> str:
    """The Redis server program: the repository's own, else the machine's."""
    own = REPOSITORY / ".tools" / "redis-server"
    found = str(own) if own.exists() else shutil.which("redis-server")
    if found is None:
        pytest.fail("redis-server is needed: neither .tools/redis-server nor one on PATH was found; run `make setup`")
    return found


@pytest.fixture
def server(redis_server: str, tmp_path: Path) -> Iterator[RedisProcess]:
    """A Redis server of the test's own, to do any harm to."""
    with RedisProcess(redis_server, tmp_path / "redis") as running:
        yield running


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, bool]]:
    """The event loop that the gateway runs in."""
    return "asyncio", {"use_uvloop": True}


@pytest.fixture
def unused_address() -> str:
    """Nobody listens there."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{listener.getsockname()[1]}"
