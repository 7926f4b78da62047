"""The engine's socket, out of reach and back."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from moorage_serving.activator.gate import Gate, open_connections


@pytest.fixture
def listener(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "engine.sock"))
        listening.listen()
        yield listening


@pytest.fixture
def gate(tmp_path: Path) -> Gate:
    return Gate(str(tmp_path / "engine.sock"), str(tmp_path / "engine.sock.withdrawn"))


def connect(path: str) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX)
    try:
        connection.connect(path)
    except OSError:
        connection.close()
        raise
    return connection


def test_behind_a_closed_gate_nobody_connects(listener: socket.socket, gate: Gate):
    gate.close()
    with pytest.raises(FileNotFoundError):
        connect(listener.getsockname())
    gate.open()
    connect(listener.getsockname()).close()


def test_opening_leaves_a_newer_engine_alone(listener: socket.socket, gate: Gate, tmp_path: Path):
    gate.close()
    (tmp_path / "engine.sock").write_text("the newer one's")
    gate.open()
    assert (tmp_path / "engine.sock").read_text() == "the newer one's"
    gate.remove()
    gate.open()
    assert (tmp_path / "engine.sock").read_text() == "the newer one's"


@pytest.mark.parametrize("closed", [False, True])
def test_connections_are_counted_accepted_or_not_wherever_the_socket_is(
    listener: socket.socket, gate: Gate, closed: bool
):
    path = listener.getsockname()
    assert open_connections(path) == 0
    with connect(path):
        if closed:
            gate.close()
        assert open_connections(path) == 1
        accepted, _ = listener.accept()
        assert open_connections(path) == 1
        accepted.close()
    assert open_connections(path) == 0


def test_other_sockets_are_not_counted(listener: socket.socket, tmp_path: Path):
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(tmp_path / "engine.sock.other"))
        other.listen()
        with connect(other.getsockname()):
            assert open_connections(listener.getsockname()) == 0
