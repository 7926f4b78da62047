"""What the supervisor's own parser reads from a definition is what the component asked for, or it was refused."""

import shlex
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from supervisor.options import ServerOptions

from moorage.local.definition import ProcessDefinition, render_program
from moorage.local.errors import LocalError
from moorage.local.layout import StackLayout
from moorage.local.supervisor import _render_configuration as render_configuration

LAUNCHER = ["/venv/bin/python", "-m", "moorage.local.launch"]

PLACEHOLDERS = ("{socket}", "{files}", "{port}")

hostile_texts = st.text(
    st.sampled_from("%\"'\\;#=,(){}$~ \t\r\n\x0b\x85\u2028[]:ab")
    | st.characters(exclude_characters="\0", codec="utf-8"),
    max_size=30,
).filter(lambda text: not any(placeholder in text for placeholder in PLACEHOLDERS))
accepted_texts = st.text(st.sampled_from("%'$=,(){}~ []:/.-abcXYZ019äß"), max_size=30)


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StackLayout]:
    with made(tmp_path_factory.mktemp("stack")) as layout:
        yield layout


@contextmanager
def made(directory: Path) -> Iterator[StackLayout]:
    layout = StackLayout(directory)
    layout.create()
    try:
        yield layout
    finally:
        shutil.rmtree(layout.runtime_directory)


def read_back(
    stack: StackLayout, definition: ProcessDefinition, port: int | None = None, stop_seconds: float = 50
) -> Any:
    """The supervisor's own view of the process."""
    instance = stack.instance(f"{definition.program}-abc123")
    instance.definition.write_text(render_program(definition, instance, port, stop_seconds, LAUNCHER))
    stack.supervisor_configuration.write_text(render_configuration(stack))
    options = ServerOptions()
    options.realize(["-c", str(stack.supervisor_configuration)])
    instance.definition.unlink()
    (group,) = options.process_group_configs
    (process,) = group.process_configs
    return process


def own_command(process: Any) -> list[str]:
    command = shlex.split(process.command)
    return command[command.index("--") + 1 :]


@given(arguments=st.lists(hostile_texts, min_size=1, max_size=4))
@example(["%(here)s"])
@example(["%(ENV_HOME)s"])
@example(["100 %"])
@example(["--chat-template-kwargs", '{"thinking": false}'])
@example(["\t;"])
@example(["a\rb"])
def test_arguments_arrive_unchanged_or_are_refused(stack: StackLayout, arguments: list[str]):
    try:
        process = read_back(stack, ProcessDefinition("engine", tuple(arguments)))
    except LocalError:
        return
    assert own_command(process) == arguments


@given(arguments=st.lists(accepted_texts, min_size=1, max_size=4))
def test_quotes_spaces_and_percent_signs_are_accepted(stack: StackLayout, arguments: list[str]):
    assert own_command(read_back(stack, ProcessDefinition("engine", tuple(arguments)))) == arguments


@given(value=hostile_texts)
@example("%(here)s")
@example('say "aye"')
@example("C:\\tmp")
@example("'quoted'")
def test_environment_variables_arrive_unchanged_or_are_refused(stack: StackLayout, value: str):
    try:
        process = read_back(stack, ProcessDefinition("engine", ("run",), {"FIRST": value, "SECOND": "2"}))
    except LocalError:
        return
    assert {name: process.environment[name] for name in ("FIRST", "SECOND")} == {"FIRST": value, "SECOND": "2"}


@pytest.mark.parametrize("value", ["a b", "a,b", "100 %", "key=value", "/path/with space", "it's", "", "ä"])
def test_usual_environment_variables_are_accepted(stack: StackLayout, value: str):
    process = read_back(stack, ProcessDefinition("engine", ("run",), {"FIRST": value}))
    assert process.environment["FIRST"] == value


@pytest.mark.parametrize("value", ["two\nlines", "a ;comment", "a #comment", "a\t;comment", "a\rb"])
def test_what_the_format_cannot_hold_is_refused_with_the_value(stack: StackLayout, value: str):
    with pytest.raises(LocalError, match="cannot be passed to a local process") as raised:
        read_back(stack, ProcessDefinition("engine", ("run", value)))
    assert value.split()[0] in str(raised.value)


def test_placeholders_become_the_instances_own_paths_and_port(stack: StackLayout):
    definition = ProcessDefinition(
        "gateway", ("run", "--uds={socket}", "{files}/gateway.json", "{port}"), {"ADDRESS": "127.0.0.1:{port}"}
    )
    process = read_back(stack, definition, port=8001)
    instance = stack.instance("gateway-abc123")
    assert own_command(process) == [
        "run",
        f"--uds={instance.socket}",
        f"{instance.files_directory}/gateway.json",
        "8001",
    ]
    assert process.environment["ADDRESS"] == "127.0.0.1:8001"
    assert process.environment["TMPDIR"] == str(instance.temporary_directory)


def test_the_process_is_started_through_the_launcher(stack: StackLayout):
    process = read_back(stack, ProcessDefinition("engine", ("run",)))
    assert shlex.split(process.command)[: len(LAUNCHER)] == LAUNCHER


def test_one_on_demand_asks_for_its_memory_at_each_start(stack: StackLayout):
    process = read_back(stack, ProcessDefinition("engine", ("run",), on_demand=True, required_memory_gib=2.5))
    assert shlex.split(process.command)[len(LAUNCHER) :][:2] == ["--required-memory-gib", "2.5"]
    assert own_command(process) == ["run"]


def test_it_is_restarted_after_a_crash_and_stopped_with_its_children(stack: StackLayout):
    process = read_back(stack, ProcessDefinition("engine", ("run",), start_seconds=120), stop_seconds=50.4)
    assert process.autorestart.__name__ == "RestartUnconditionally"
    assert (process.startsecs, process.stopwaitsecs, process.killasgroup) == (120, 50, True)
    assert process.autostart is False


def test_its_output_goes_to_one_log_of_bounded_size(stack: StackLayout):
    process = read_back(stack, ProcessDefinition("engine", ("run",)))
    assert process.stdout_logfile == str(stack.instance("engine-abc123").log_file)
    assert process.redirect_stderr is True
    assert process.stdout_logfile_maxbytes * (process.stdout_logfile_backups + 1) <= 64 * 2**20


@pytest.mark.parametrize("name", ["harbour master", "100%", "it's", "a,b"])
def test_the_stack_may_lie_in_any_folder(tmp_path: Path, name: str):
    with made(tmp_path / name) as layout:
        process = read_back(layout, ProcessDefinition("engine", ("run",)))
    assert Path(process.directory) == layout.directory
    assert Path(process.stdout_logfile).parent == layout.log_directory


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "program": st.just("other"),
            "command": st.just(("other",)),
            "environment": st.just({"HOME": "/"}),
            "host": st.just("127.0.0.1"),
            "version": st.just("2"),
            "start_seconds": st.just(5),
            "on_demand": st.just(True),
            "required_memory_gib": st.just(2.5),
        },
    )
)
def test_the_digest_changes_with_every_field(changes: dict[str, Any]):
    same = ProcessDefinition("engine", ("run",))
    changed = ProcessDefinition(**{"program": "engine", "command": ("run",), **changes})
    assert (changed.sha256() == same.sha256()) is (not changes)


def test_the_digest_does_not_depend_on_the_order_of_the_environment():
    one = ProcessDefinition("engine", ("run",), {"A": "1", "B": "2"})
    other = ProcessDefinition("engine", ("run",), {"B": "2", "A": "1"})
    assert one.sha256() == other.sha256()
