"""Stacks that are gone after their test, whatever happened in it."""

import http.client
import json
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.pulumi_engine.stack import Stack


@pytest.fixture
def make_stack(tmp_path: Path) -> Iterator[Callable[..., Stack]]:
    """Makes stacks, and destroys them at the end."""
    with ExitStack() as cleanup:

        def make(name: str = "first", **scenario: object) -> Stack:
            folder = tmp_path / name
            folder.mkdir()
            stack = Stack(folder, **scenario)
            cleanup.callback(stack.destroy)
            return stack

        yield make


@pytest.fixture
def health() -> Callable[[Stack], dict[str, object]]:
    """What the stack's engine says of itself."""

    def ask(stack: Stack) -> dict[str, object]:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(stack.outputs()["engine_address"].removeprefix("unix://"))
            connection.sendall(b"GET /health HTTP/1.0\r\n\r\n")
            response = http.client.HTTPResponse(connection)
            response.begin()
            return json.loads(response.read())

    return ask
