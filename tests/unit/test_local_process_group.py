"""A process is found by its group, with its children and its port; what it left behind is ended, and nothing else."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import psutil
import pytest

from moorage.local.process_group import end_recorded_group, listens_on, recorded_group

SLEEP = [sys.executable, "-c", "import time; time.sleep(60)"]
LEADER = """
import socket, subprocess, sys, time
from pathlib import Path
from moorage.local.process_group import record_group
record_group(Path(sys.argv[1]))
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
server = socket.create_server(("127.0.0.1", 0))
print(child.pid, server.getsockname()[1], flush=True)
time.sleep(60)
"""


@pytest.fixture
def started() -> Iterator[ExitStack]:
    with ExitStack() as processes:
        yield processes


def start(processes: ExitStack, command: list[str]) -> "subprocess.Popen[str]":
    """In a group of its own, as the supervisor does it; ended with the test."""
    process = processes.enter_context(
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True)
    )
    processes.callback(process.kill)
    return process


class Group(NamedTuple):
    """A process that listens on a port, and its child, which does not."""

    leader: "subprocess.Popen[str]"
    child: psutil.Process
    port: int


def start_group(processes: ExitStack, file: Path) -> Group:
    leader = start(processes, [sys.executable, "-c", LEADER, str(file)])
    assert leader.stdout is not None
    pid, port = leader.stdout.readline().split()
    child = psutil.Process(int(pid))
    processes.callback(lambda: child.is_running() and child.kill())
    return Group(leader, child, int(port))


def is_alive(process: psutil.Process) -> bool:
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE


def test_a_process_and_its_children_are_found(started: ExitStack, tmp_path: Path):
    leader, child, _ = start_group(started, tmp_path / "group")
    assert {process.pid for process in recorded_group(tmp_path / "group")} == {leader.pid, child.pid}


def test_a_child_that_outlived_its_parent_is_ended(started: ExitStack, tmp_path: Path):
    leader, child, _ = start_group(started, tmp_path / "group")
    leader.kill()
    leader.wait()
    assert is_alive(child)
    end_recorded_group(tmp_path / "group")
    assert not is_alive(child)


def test_other_processes_are_left_alone(started: ExitStack, tmp_path: Path):
    bystander = start(started, SLEEP)
    leader, child, _ = start_group(started, tmp_path / "group")
    end_recorded_group(tmp_path / "group")
    assert leader.poll() is not None
    assert not is_alive(child)
    assert bystander.poll() is None


def test_a_number_that_now_belongs_to_another_process_is_left_alone(started: ExitStack, tmp_path: Path):
    stranger = start(started, SLEEP)
    recorded = {"group": stranger.pid, "created": psutil.Process(stranger.pid).create_time() - 3600}
    (tmp_path / "group").write_text(json.dumps(recorded))
    end_recorded_group(tmp_path / "group")
    assert recorded_group(tmp_path / "group") == []
    assert stranger.poll() is None


@pytest.mark.parametrize("exists", [True, False], ids=["ended", "never started"])
def test_a_group_without_members_is_no_error(started: ExitStack, tmp_path: Path, exists: bool):
    if exists:
        leader, *_ = start_group(started, tmp_path / "group")
        os.killpg(leader.pid, 9)
        leader.wait()
    end_recorded_group(tmp_path / "group")
    assert [process for process in recorded_group(tmp_path / "group") if is_alive(process)] == []


def test_the_port_of_a_group_is_known_from_one_of_another(started: ExitStack, tmp_path: Path):
    one, other = (start_group(started, tmp_path / name) for name in ("one", "other"))
    assert listens_on(tmp_path / "one", one.port)
    assert not listens_on(tmp_path / "one", other.port)
    assert not listens_on(tmp_path / "nobody", one.port)
