"""Two stacks on one machine."""

from collections.abc import Callable

import psutil
import pytest

from moorage.local.preflight import any_free_port
from tests.pulumi_engine.stack import Stack, ask_health

pytestmark = pytest.mark.long

MakeStack = Callable[..., Stack]


def test_two_stacks_share_no_process_port_socket_or_directory(make_stack: MakeStack) -> None:
    stacks = [make_stack(name, gateway=True, port=any_free_port("127.0.0.1")) for name in ("first", "second")]
    for stack in stacks:
        stack.up()
    first, second = (_belongings(stack) for stack in stacks)
    assert first
    assert first & second == set()


def test_destroying_one_leaves_the_other_serving(make_stack: MakeStack) -> None:
    first, second = make_stack("first"), make_stack("second")
    first.up()
    second.up()
    first.destroy()
    assert ask_health(second)


def _belongings(stack: Stack) -> set[object]:
    processes = stack.processes()
    listening = {
        connection.laddr
        for process in processes
        for connection in process.net_connections(kind="all")
        if connection.status in (psutil.CONN_LISTEN, psutil.CONN_NONE) and connection.laddr
    }
    return {*(process.pid for process in processes), *listening, stack.layout.directory, stack.layout.runtime_directory}
