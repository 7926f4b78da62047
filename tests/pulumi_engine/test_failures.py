"""Each ends with one clear error, an exit code, and nothing half-started."""

import socket
from collections.abc import Callable

import pytest

from tests.pulumi_engine.stack import NEVER_LOADED, Stack

MakeStack = Callable[..., Stack]


def test_a_process_that_dies_while_starting(make_stack: MakeStack) -> None:
    error = _failure(make_stack(arguments=["--fail", "the weights are damaged"]))
    assert "engine ended before it was ready: ValueError: the weights are damaged" in error
    assert "the whole log:" in error


def test_a_process_that_never_answers(make_stack: MakeStack) -> None:
    stack = make_stack(timeout_seconds=0.01, arguments=NEVER_LOADED)
    assert "engine was not ready after" in _failure(stack)


def test_a_port_in_use_is_found_before_anything_starts(make_stack: MakeStack) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        error = _failure(make_stack(gateway=True, port=port))
    assert f"port {port} on 127.0.0.1 is in use by" in error
    assert "engine: starting" not in error


@pytest.mark.parametrize(
    ("scenario", "message"),
    [
        ({"required_disk_gib": 1e6}, "no disk space:"),
        ({"required_memory_gib": 1e6}, "engine needs 1000000.0 GiB of memory and this machine has"),
    ],
)
def test_a_machine_too_small(make_stack: MakeStack, scenario: dict[str, float], message: str) -> None:
    assert message in _failure(make_stack(**scenario))


def test_a_refused_machine_leaves_no_directory(make_stack: MakeStack) -> None:
    stack = make_stack(required_disk_gib=1e6)
    _failure(stack)
    assert not stack.layout.directory.exists()
    assert not stack.layout.runtime_directory.exists()


def _failure(stack: Stack) -> str:
    """What a failing `up` printed; there is no stack trace in it, and no process left."""
    result = stack.up(check=False)
    assert result.returncode != 0
    assert "Traceback" not in result.stdout
    assert stack.processes() == []
    return result.stdout
