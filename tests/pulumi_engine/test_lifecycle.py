"""From `up` to `destroy`."""

from collections.abc import Callable
from pathlib import Path

import redis

from moorage.local.preflight import any_free_port, port_is_free
from tests.pulumi_engine.stack import REDIS_SERVER, Stack

MakeStack = Callable[..., Stack]
Health = Callable[[Stack], dict[str, object]]


def test_up_returns_when_the_process_answers_and_a_second_one_changes_nothing(
    make_stack: MakeStack, health: Health
) -> None:
    stack = make_stack()
    stack.up()
    assert health(stack)["revision"] == "one"
    stack.run("preview", "--expect-no-changes", "--stack", "test")


def test_refresh_of_a_healthy_stack_changes_nothing(make_stack: MakeStack) -> None:
    stack = make_stack()
    stack.up()
    stack.run("refresh", "--yes", "--expect-no-changes", "--stack", "test")


def test_up_says_how_far_it_is(make_stack: MakeStack) -> None:
    output = make_stack().up().stdout
    assert "engine: starting" in output
    assert "engine: ready after" in output


def test_the_log_is_where_the_output_says(make_stack: MakeStack) -> None:
    stack = make_stack()
    stack.up()
    assert "Running on" in Path(stack.outputs()["engine_log"]).read_text()


def test_redis_answers_on_a_socket_of_its_own(make_stack: MakeStack) -> None:
    stack = make_stack(redis_server=str(REDIS_SERVER))
    stack.up()
    client = redis.Redis.from_url(stack.outputs()["redis_url"])
    assert client.ping()
    client.close()


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


def test_the_state_holds_the_key_only_encrypted(make_stack: MakeStack) -> None:
    stack = make_stack(gateway=True, port=any_free_port("127.0.0.1"))
    stack.up()
    key = stack.outputs()["api_key"]
    written = [path for path in stack.folder.rglob("*") if path.is_file()]
    assert key
    assert [path for path in written if key.encode() in path.read_bytes()] == []


def test_what_it_writes_is_for_its_owner_alone(make_stack: MakeStack) -> None:
    stack = make_stack(gateway=True, port=any_free_port("127.0.0.1"))
    stack.up()
    directories = (stack.layout.directory, stack.layout.runtime_directory)
    assert [oct(directory.stat().st_mode & 0o777) for directory in directories] == ["0o700", "0o700"]


def test_no_process_gets_pulumis_variables(make_stack: MakeStack) -> None:
    stack = make_stack()
    stack.up()
    names = {name for process in stack.processes() for name in process.environ()}
    assert [name for name in names if name.startswith("PULUMI_")] == []
