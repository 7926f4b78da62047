"""What happens to a stack's processes behind Pulumi's back."""

from collections.abc import Callable
from contextlib import suppress

import pytest

from tests.pulumi_engine.stack import Stack, ask_health, supervisorctl, wait_for

pytestmark = pytest.mark.long

MakeStack = Callable[..., Stack]


def test_a_killed_process_comes_back_at_the_same_address(make_stack: MakeStack) -> None:
    stack = make_stack()
    stack.up()
    address, before = stack.outputs()["engine_address"], ask_health(stack)["pid"]
    stack.kill("small_server.py")

    def came_back() -> bool:
        with suppress(OSError):
            return ask_health(stack)["pid"] != before
        return False

    wait_for(came_back)
    assert stack.outputs()["engine_address"] == address


def test_a_killed_supervisor_is_noticed_and_healed(make_stack: MakeStack) -> None:
    stack = make_stack()
    stack.up()
    orphans = [process for process in stack.processes() if "small_server.py" in " ".join(process.cmdline())]
    stack.kill("supervisor.supervisord")
    assert "deleted" in stack.refresh().stdout
    stack.up()
    assert ask_health(stack)["revision"] == "one"
    assert {orphan.pid for orphan in orphans} & {process.pid for process in stack.processes()} == set()


def test_up_with_refresh_starts_a_stopped_process_again(make_stack: MakeStack) -> None:
    stack = make_stack()
    stack.up()
    supervisorctl(stack, "stop", stack.outputs()["engine_instance"])
    stack.up("--refresh")
    assert ask_health(stack)["revision"] == "one"


def test_an_edited_definition_is_noticed_and_replaced(make_stack: MakeStack) -> None:
    stack = make_stack()
    stack.up()
    before = stack.outputs()["engine_instance"]
    definition = next(stack.layout.program_directory.glob("engine-*.ini"))
    definition.write_text(definition.read_text().replace("--revision one", "--revision edited"))
    stack.up("--refresh")
    assert stack.outputs()["engine_instance"] != before
