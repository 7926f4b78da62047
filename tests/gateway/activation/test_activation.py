"""When the hook of an engine is called, and when the engine is looked at."""

from __future__ import annotations

import asyncio
import itertools
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest
from prometheus_client import CollectorRegistry

from moorage_serving.gateway.activation import activation as room
from moorage_serving.gateway.activation.activation import Activation
from moorage_serving.gateway.activation.metrics import ActivationMetrics
from tests.gateway.activation.hook import Hook

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

pytestmark = pytest.mark.anyio
PATIENCE_SECONDS = 20.0


class Demand:
    """Requests that wait, until a test says that there are none."""

    def __init__(self) -> None:
        self.is_there = True
        self.looks = 0

    def look(self) -> None:
        self.looks += 1


@pytest.fixture
def demand() -> Demand:
    return Demand()


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@asynccontextmanager
async def activation_of(address: str, demand: Demand, registry: CollectorRegistry) -> AsyncIterator[Activation]:
    activation = Activation(
        "engine", address, ActivationMetrics(registry), is_wanted=lambda: demand.is_there, look=demand.look
    )
    yield activation
    await activation.close()


async def eventually(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        for _ in itertools.count():
            if condition():
                return
            await asyncio.sleep(0.01)


async def test_the_first_request_calls_the_hook_at_once_and_the_others_do_not(
    tmp_path: Path, demand: Demand, registry: CollectorRegistry
):
    async with Hook(tmp_path / "hook") as hook, activation_of(hook.address, demand, registry) as activation:
        for _ in range(50):
            activation.ask()
            await asyncio.sleep(0)
        await eventually(lambda: hook.calls)
        assert hook.calls == [{"upstream": "engine"}]
        assert registry.get_sample_value("moorage_gateway_activation_calls_total", {"upstream": "engine"}) == 1


async def test_it_is_called_again_as_long_as_requests_wait(
    tmp_path: Path, demand: Demand, registry: CollectorRegistry, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(room, "CALL_SECONDS", 0.01)
    async with Hook(tmp_path / "hook") as hook, activation_of(hook.address, demand, registry) as activation:
        activation.ask()
        await eventually(lambda: len(hook.calls) >= 3)


async def test_the_engine_is_looked_at_until_nobody_waits(tmp_path: Path, demand: Demand, registry: CollectorRegistry):
    async with Hook(tmp_path / "hook") as hook, activation_of(hook.address, demand, registry) as activation:
        activation.ask()
        await eventually(lambda: demand.looks >= 5)
        demand.is_there = False
        await asyncio.sleep(3 * room.LOOK_SECONDS)
        looks = demand.looks
        await asyncio.sleep(3 * room.LOOK_SECONDS)
        assert demand.looks == looks


async def test_a_request_after_that_calls_anew(tmp_path: Path, demand: Demand, registry: CollectorRegistry):
    async with Hook(tmp_path / "hook") as hook, activation_of(hook.address, demand, registry) as activation:
        activation.ask()
        await eventually(lambda: len(hook.calls) == 1)
        demand.is_there = False
        await asyncio.sleep(3 * room.LOOK_SECONDS)
        demand.is_there = True
        activation.ask()
        await eventually(lambda: len(hook.calls) == 2)


async def test_a_request_that_need_not_wait_after_all_calls_nobody(
    tmp_path: Path, demand: Demand, registry: CollectorRegistry
):
    demand.is_there = False
    async with Hook(tmp_path / "hook") as hook, activation_of(hook.address, demand, registry) as activation:
        activation.ask()
        await asyncio.sleep(3 * room.LOOK_SECONDS)
        assert hook.calls == []
        assert demand.looks == 0


@pytest.mark.parametrize("fault", ["nobody listens", "refuses", "is silent"])
async def test_a_hook_that_fails_is_counted_and_the_engine_looked_at_nevertheless(
    tmp_path: Path, demand: Demand, registry: CollectorRegistry, fault: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(room, "CALL_SECONDS", 0.01)
    monkeypatch.setattr(room, "CALL_TIMEOUT_SECONDS", 0.2)
    async with Hook(tmp_path / "hook", status=500, silent=fault == "is silent") as hook:
        address = f"unix://{tmp_path}/none" if fault == "nobody listens" else hook.address
        async with activation_of(address, demand, registry) as activation:
            activation.ask()
            await eventually(lambda: failures(registry) >= 2)
            assert demand.looks > 0
            demand.is_there = False


async def test_closing_ends_a_wait(tmp_path: Path, demand: Demand, registry: CollectorRegistry):
    async with Hook(tmp_path / "hook", silent=True) as hook:
        async with activation_of(hook.address, demand, registry) as activation:
            activation.ask()
            await eventually(lambda: hook.calls)
        looks = demand.looks
        await asyncio.sleep(3 * room.LOOK_SECONDS)
        assert demand.looks == looks


def failures(registry: CollectorRegistry) -> float:
    return registry.get_sample_value("moorage_gateway_activation_failures_total", {"upstream": "engine"}) or 0.0
