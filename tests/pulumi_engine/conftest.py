"""Stacks that are gone after their test, whatever happened in it."""

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
