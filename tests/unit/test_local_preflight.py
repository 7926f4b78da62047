"""What this machine lacks is reported before anything starts, with numbers and the way out."""

import os
import re
import socket
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from moorage.local import preflight
from moorage.local.errors import LocalError

MORE_THAN_ANY_MACHINE_HAS_GIB = 1e9


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        yield server


def test_a_port_in_use_names_its_holder(listener: socket.socket):
    port = listener.getsockname()[1]
    holder = f"{psutil.Process().name()} (process {os.getpid()})"
    with pytest.raises(LocalError, match=re.escape(f"port {port} on 127.0.0.1 is in use by {holder}")) as raised:
        preflight.require_free_port("127.0.0.1", port)
    assert "gateway.port" in str(raised.value)


def test_a_port_that_was_given_back_is_free(listener: socket.socket):
    port = listener.getsockname()[1]
    assert not preflight.port_is_free("127.0.0.1", port)
    listener.close()
    preflight.require_free_port("127.0.0.1", port)


def test_a_listener_on_all_addresses_holds_the_port_on_each():
    with socket.socket() as server:
        server.bind(("0.0.0.0", 0))
        server.listen()
        assert not preflight.port_is_free("127.0.0.1", server.getsockname()[1])


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_a_port_that_was_found_can_be_listened_on(host: str):
    port = preflight.any_free_port(host)
    preflight.require_free_port(host, port)
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as server:
        server.bind((host, port))


def test_too_little_disk_says_where_and_how_much(tmp_path: Path):
    with pytest.raises(LocalError) as raised:
        preflight.require_free_disk(tmp_path, MORE_THAN_ANY_MACHINE_HAS_GIB)
    assert re.search(
        rf"{re.escape(str(tmp_path))} has \d+\.\d GiB free, the stack needs 1000000000\.0 GiB", str(raised.value)
    )


def test_too_little_memory_says_how_much_and_what_helps():
    with pytest.raises(LocalError) as raised:
        preflight.require_free_memory("engine", MORE_THAN_ANY_MACHINE_HAS_GIB)
    message = str(raised.value)
    assert re.search(r"engine needs 1000000000\.0 GiB of memory and this machine has \d+\.\d GiB available", message)
    assert "model.max_model_len" in message


def test_what_the_machine_can_never_hold_is_refused_before_it_is_started():
    with pytest.raises(LocalError, match=r"engine needs 1000000000\.0 GiB of memory and .* has \d+\.\d GiB in all"):
        preflight.require_total_memory("engine", MORE_THAN_ANY_MACHINE_HAS_GIB)


def test_enough_is_accepted_silently(tmp_path: Path):
    preflight.require_free_disk(tmp_path, 0.0)
    preflight.require_free_memory("engine", 0.0)
    preflight.require_total_memory("engine", 0.0)
