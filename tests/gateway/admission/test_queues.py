"""Queues over a reload."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from moorage_serving.gateway.admission.queues import AdmissionQueues
from moorage_serving.gateway.config.serving import AdmissionConfig
from moorage_serving.gateway.config.tenants import TenantConfig

if TYPE_CHECKING:
    from .virtual_time import VirtualTimeLoop

CONFIG, TENANT = AdmissionConfig(), TenantConfig(id="tenant")


def test_what_is_in_service_keeps_its_place_over_a_reload_and_those_that_wait_get_the_new_limit(
    loop: VirtualTimeLoop,
) -> None:
    queues = AdmissionQueues()
    queues.configure(CONFIG, {"moored": lambda: 1})

    async def over_a_reload() -> tuple[int, int]:
        await queues["moored"].enter(tenant=TENANT, deadline_seconds=9)
        waiting = [asyncio.create_task(queues["moored"].enter(tenant=TENANT, deadline_seconds=9)) for _ in range(3)]
        await asyncio.sleep(0)
        queues.configure(CONFIG, {"moored": lambda: 3})
        await asyncio.wait(waiting, timeout=1)
        numbers = queues["moored"].in_service, queues["moored"].queued
        queues["moored"].leave()
        await asyncio.gather(*waiting)
        return numbers

    assert loop.run_until_complete(over_a_reload()) == (3, 1)


def test_a_queue_that_became_shorter_sends_nobody_away_who_is_in_it(loop: VirtualTimeLoop) -> None:
    queues = AdmissionQueues()
    limit = 0
    queues.configure(CONFIG, {"moored": lambda: limit})

    async def shorten() -> None:
        nonlocal limit
        waiting = [asyncio.create_task(queues["moored"].enter(tenant=TENANT, deadline_seconds=9)) for _ in range(5)]
        await asyncio.sleep(0)
        queues.configure(AdmissionConfig(max_queue_length=2), {"moored": lambda: limit})
        limit = 5
        queues.limits_changed()
        await asyncio.gather(*waiting)

    loop.run_until_complete(shorten())
    assert queues["moored"].in_service == 5


def test_a_model_that_is_gone_is_no_more_demand_but_its_requests_can_end() -> None:
    queues = AdmissionQueues()
    queues.configure(CONFIG, {"old": lambda: 1, "kept": lambda: 1})
    asyncio.run(queues["old"].enter(tenant=TENANT, deadline_seconds=9))
    queues.configure(CONFIG, {"kept": lambda: 1, "new": lambda: 1})
    assert [model for model, _ in queues] == ["kept", "new"]
    queues["old"].leave()
    assert queues["old"].in_service == 0
