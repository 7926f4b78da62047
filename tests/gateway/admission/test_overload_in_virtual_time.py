"""Three times more requests than engines can serve, for minutes, on a clock that jumps."""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING

import pytest

from moorage_serving.gateway.admission.queue import AdmissionQueue
from moorage_serving.gateway.config.tenants import TenantConfig
from moorage_serving.gateway.errors import GatewayError

if TYPE_CHECKING:
    from collections.abc import Callable

    from .virtual_time import VirtualTimeLoop

LIMIT, OVERLOAD, DEADLINE_SECONDS, DURATION_SECONDS, WINDOW_SECONDS = 8, 3, 5.0, 240, 10
WARM_UP_SECONDS = 30
SERVICE_TIMES: dict[str, Callable[[random.Random], float]] = {
    "all alike": lambda _: 1.0,
    "exponential": lambda source: source.expovariate(1.0),
    "short and long": lambda source: 0.5 if source.random() < 0.9 else 5.5,
}


class Overload:
    """Requests that come at even intervals, whatever becomes of those before; what became of them, by second."""

    def __init__(
        self, loop: VirtualTimeLoop, service_seconds: Callable[[], float], tenants: list[TenantConfig]
    ) -> None:
        self.loop = loop
        self.service_seconds = service_seconds
        self.tenants = tenants
        self.queue = AdmissionQueue(lambda: LIMIT, max_queue_length=200, clock=loop.time)
        self.served: list[tuple[float, TenantConfig]] = []
        self.refused: list[tuple[float, str]] = []

    def run(self) -> None:
        self.loop.run_until_complete(self._run())

    async def _run(self) -> None:
        async with asyncio.TaskGroup() as clients:
            for number in range(DURATION_SECONDS * LIMIT * OVERLOAD):
                clients.create_task(self._ask(self.tenants[number % len(self.tenants)]))
                await asyncio.sleep(1 / (LIMIT * OVERLOAD))

    async def _ask(self, tenant: TenantConfig) -> None:
        try:
            await self.queue.enter(tenant=tenant, deadline_seconds=DEADLINE_SECONDS)
        except GatewayError as error:
            self.refused.append((self.loop.time(), error.code))
            return
        try:
            await asyncio.sleep(self.service_seconds())
            self.served.append((self.loop.time(), tenant))
        finally:
            self.queue.leave()

    def by_window(self, times: list[float]) -> list[int]:
        """How many in each window after the warm-up."""
        windows = range(WARM_UP_SECONDS, DURATION_SECONDS, WINDOW_SECONDS)
        return [sum(start <= at < start + WINDOW_SECONDS for at in times) for start in windows]


@pytest.fixture(params=SERVICE_TIMES)
def overload(loop: VirtualTimeLoop, request: pytest.FixtureRequest) -> Overload:
    source = random.Random(1)  # noqa: S311 - no secret, but the same every time
    draw = SERVICE_TIMES[request.param]
    running = Overload(loop, lambda: draw(source), [TenantConfig(id="a"), TenantConfig(id="b", weight=3)])
    running.run()
    return running


def test_no_place_is_ever_free_and_refusals_do_not_come_in_waves(overload: Overload) -> None:
    refused = overload.by_window([at for at, _ in overload.refused])
    expected = LIMIT * (OVERLOAD - 1) * WINDOW_SECONDS
    assert all(abs(count - expected) <= 0.4 * expected for count in refused), refused
    served = len([at for at, _ in overload.served if at >= WARM_UP_SECONDS])
    mean_seconds = 1.0
    assert served >= 0.9 * (DURATION_SECONDS - WARM_UP_SECONDS) * LIMIT / mean_seconds


def test_most_of_those_that_get_no_place_know_at_once(overload: Overload) -> None:
    late = [at for at, code in overload.refused if code == "deadline_exceeded" and at >= WARM_UP_SECONDS]
    early = [at for at, code in overload.refused if code == "deadline_unreachable" and at >= WARM_UP_SECONDS]
    # A prediction knows the mean alone: the more services differ, the more of those that may wait do so in vain.
    assert len(late) <= 0.15 * len(early), (len(late), len(early))


def test_tenants_get_their_shares(overload: Overload) -> None:
    served = [tenant.id for at, tenant in overload.served if at >= WARM_UP_SECONDS]
    # The heavier one asks for half of three times the capacity, so it could have all of its three quarters.
    assert served.count("b") == pytest.approx(0.75 * len(served), rel=0.1)


def test_afterwards_nothing_is_left(overload: Overload) -> None:
    assert (overload.queue.in_service, overload.queue.queued) == (0, 0)
