"""Where a local stack keeps its files: sockets that can be listened on, and nothing shared between two stacks."""

import os
import shutil
import socket
import stat
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moorage.local.instance import Instance
from moorage.local.layout import InstanceLayout, StackLayout

SOCKET_PATH_BYTES = 107
"""The most that `sun_path` holds (unix(7)), without the null byte at its end."""

folder_names = st.text(st.characters(exclude_characters="/\0", codec="utf-8"), min_size=1, max_size=80).filter(
    lambda name: name not in {".", ".."}
)
directories = st.lists(folder_names, min_size=1, max_size=12).map(lambda names: Path("/", *names))
programs = st.sampled_from(["engine", "gateway", "redis", "worker"])


def properties_of(layout: type) -> list[str]:
    return [name for name, value in vars(layout).items() if isinstance(value, property)]


def paths_of(stack: StackLayout, instance: str) -> dict[str, Path]:
    own = {name: getattr(stack, name) for name in properties_of(StackLayout)}
    return own | {name: getattr(stack.instance(instance), name) for name in properties_of(InstanceLayout)}


@given(directories, programs)
def test_every_socket_can_be_listened_on_however_deep_the_checkout_is(directory: Path, program: str):
    layout = Instance.new(str(directory), program).layout
    for path in (layout.socket, layout.stack.supervisor_socket):
        assert len(os.fsencode(path)) <= SOCKET_PATH_BYTES


def test_sockets_do_not_follow_the_environments_temporary_directory(monkeypatch: pytest.MonkeyPatch):
    before = StackLayout(Path("/stack")).runtime_directory
    monkeypatch.setenv("TMPDIR", "/tmp/" + "x" * 120)  # noqa: S108
    monkeypatch.setattr("tempfile.tempdir", None)
    assert StackLayout(Path("/stack")).runtime_directory == before


@given(st.lists(directories, min_size=2, max_size=2, unique=True))
def test_two_stacks_share_no_path(two: list[Path]):
    one, other = (set(paths_of(StackLayout(directory), "engine-abc123").values()) for directory in two)
    assert one.isdisjoint(other)


@given(directories)
def test_two_instances_share_no_path_of_their_own(directory: Path):
    stack = StackLayout(directory)
    one, other = (
        {getattr(stack.instance(name), path) for path in properties_of(InstanceLayout)}
        for name in ("engine-000001", "engine-000002")
    )
    assert one.isdisjoint(other)


@given(directories)
def test_no_two_paths_of_a_stack_are_the_same(directory: Path):
    paths = paths_of(StackLayout(directory), "engine-abc123")
    assert len(set(paths.values())) == len(paths)


def test_a_new_instance_has_a_name_of_its_own():
    assert len({Instance.new("/stack", "engine").name for _ in range(50)}) == 50


def test_the_paths_of_a_stack_follow_from_its_directory_alone():
    assert [field.name for field in fields(StackLayout)] == ["directory"]
    assert paths_of(StackLayout(Path("/stack")), "a") == paths_of(StackLayout(Path("/stack")), "a")


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[StackLayout]:
    """One below a path that is longer than a socket's may be."""
    layout = StackLayout(tmp_path.joinpath(*["a-deep-folder"] * 12))
    layout.create()
    yield layout
    shutil.rmtree(layout.runtime_directory)


def test_its_directories_are_for_their_owner_alone(stack: StackLayout):
    for directory in (stack.directory, stack.runtime_directory, stack.log_directory, stack.program_directory):
        assert stat.S_IMODE(directory.stat().st_mode) == 0o700


def test_making_it_twice_changes_nothing(stack: StackLayout):
    (stack.log_directory / "engine.log").write_text("kept")
    stack.create()
    assert (stack.log_directory / "engine.log").read_text() == "kept"


def test_a_socket_can_be_bound_below_a_deep_directory(stack: StackLayout):
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(stack.instance("engine-abc123").socket))


def test_a_link_in_place_of_the_runtime_directory_is_refused(tmp_path: Path):
    layout = StackLayout(tmp_path / "stack")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    layout.runtime_directory.symlink_to(elsewhere)
    try:
        with pytest.raises(PermissionError, match="belongs to another user"):
            layout.create()
    finally:
        layout.runtime_directory.unlink()
