"""A clock that jumps instead of waiting."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from .virtual_time import VirtualTimeLoop

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def loop() -> Iterator[VirtualTimeLoop]:
    running = VirtualTimeLoop()
    yield running
    running.close()
