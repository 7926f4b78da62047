"""A process that is defined by `up` and started by whoever wants it."""

from collections.abc import Callable

import psutil
import pytest

from tests.pulumi_engine.stack import REDIS_SERVER, Stack, ask_health, supervisorctl, wait_for

pytestmark = pytest.mark.long

MakeStack = Callable[..., Stack]


def test_that_it_is_down_is_no_change_and_no_fault(make_stack: MakeStack) -> None:
    stack = make_stack(on_demand=True)
    assert "engine: to be started on demand" in stack.up().stdout
    stack.run("preview", "--refresh", "--expect-no-changes", "--stack", "test")
    stack.configure(redis_server=str(REDIS_SERVER))
    stack.up()
    assert _engines(stack) == []
    _start(stack)
    stack.destroy()
    assert stack.processes() == []
    assert not stack.layout.runtime_directory.exists()


def test_it_is_defined_anew_after_its_supervisor_was_killed(make_stack: MakeStack) -> None:
    stack = make_stack(on_demand=True)
    stack.up()
    _start(stack)
    (orphan,) = _engines(stack)
    stack.kill("supervisor.supervisord")
    stack.up("--refresh")
    assert orphan not in _engines(stack)
    assert len(list(stack.layout.program_directory.glob("engine-*.ini"))) == 1
    _start(stack)
    assert ask_health(stack)["revision"] == "one"


def test_it_becomes_a_process_that_always_runs_and_back(make_stack: MakeStack) -> None:
    stack = make_stack()
    stack.up()
    stack.configure(on_demand=True)
    stack.up()
    assert _engines(stack) == []
    stack.configure(on_demand=False)
    stack.up()
    assert ask_health(stack)["revision"] == "one"


def test_more_memory_than_the_machine_has_is_refused_at_once(make_stack: MakeStack) -> None:
    result = make_stack(on_demand=True, required_memory_gib=1e6).up(check=False)
    assert result.returncode != 0
    assert "engine needs 1000000.0 GiB of memory and this machine has" in result.stdout


def _start(stack: Stack) -> None:
    supervisorctl(stack, "start", stack.outputs()["engine_instance"])
    wait_for(lambda: _answers(stack))


def _answers(stack: Stack) -> bool:
    try:
        return bool(ask_health(stack))
    except OSError:
        return False


def _engines(stack: Stack) -> list[psutil.Process]:
    return [process for process in stack.processes() if "small_server.py" in " ".join(process.cmdline())]
