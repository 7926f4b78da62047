"""From `up` to `destroy`."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
import redis

from moorage.local.preflight import any_free_port, port_is_free
from tests.pulumi_engine.stack import REDIS_SERVER, Stack, ask_health, wait_for

MakeStack = Callable[..., Stack]


class Running(NamedTuple):
    """A stack with engine, Redis and gateway that is up; its tests change nothing about it."""

    stack: Stack
    up_output: str


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    port = any_free_port("127.0.0.1")
    stack = Stack(tmp_path_factory.mktemp("running"), gateway=True, port=port, redis_server=str(REDIS_SERVER))
    yield Running(stack, stack.up().stdout)
    stack.destroy()


def test_up_returns_when_the_process_answers(running: Running) -> None:
    assert ask_health(running.stack)["revision"] == "one"


def test_up_says_how_far_it_is(running: Running) -> None:
    assert "engine: starting" in running.up_output
    assert "engine: ready after" in running.up_output


def test_a_second_preview_changes_nothing(running: Running) -> None:
    running.stack.run("preview", "--expect-no-changes", "--stack", "test")


def test_refresh_of_a_healthy_stack_changes_nothing(running: Running) -> None:
    running.stack.run("refresh", "--yes", "--expect-no-changes", "--stack", "test")


def test_the_log_is_where_the_output_says(running: Running) -> None:
    log = Path(running.stack.outputs()["engine_log"])
    # It may be healthy before it says so.
    wait_for(lambda: "Running on" in log.read_text())


def test_redis_answers_on_a_socket_of_its_own(running: Running) -> None:
    client = redis.Redis.from_url(running.stack.outputs()["redis_url"])
    assert client.ping()
    client.close()


def test_the_key_is_on_disk_only_encrypted(running: Running) -> None:
    key = running.stack.outputs()["api_key"].encode()
    written = [path for path in running.stack.folder.rglob("*") if path.is_file()]
    assert key
    assert [path for path in written if key in path.read_bytes()] == []


def test_its_directories_are_for_their_owner_alone(running: Running) -> None:
    directories = (running.stack.layout.directory, running.stack.layout.runtime_directory)
    assert [oct(directory.stat().st_mode & 0o777) for directory in directories] == ["0o700", "0o700"]


def test_no_process_gets_pulumis_variables(running: Running) -> None:
    names = {name for process in running.stack.processes() for name in process.environ()}
    assert [name for name in names if name.startswith("PULUMI_")] == []


def test_destroy_leaves_no_process_port_or_file(make_stack: MakeStack) -> None:
    port = any_free_port("127.0.0.1")
    stack = make_stack(gateway=True, port=port, redis_server=str(REDIS_SERVER))
    stack.up()
    assert len(stack.processes()) >= 4
    stack.destroy()
    assert stack.processes() == []
    assert port_is_free("127.0.0.1", port)
    assert not stack.layout.directory.exists()
    assert not stack.layout.runtime_directory.exists()
