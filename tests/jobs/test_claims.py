"""One worker at a time has a job, and one result is a job's, in whatever order workers do what."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from moorage_serving.jobs.claims import Busy, Claim, ClaimLostError, Done
from moorage_serving.jobs.connections import connect

if TYPE_CHECKING:
    from .place import JobsPlace

EXPIRED = 0
"""Seconds that a claim holds."""
STEPS = st.lists(st.tuples(st.sampled_from(["take", "renew", "release", "finish"]), st.integers(0, 2)), max_size=12)


@pytest.mark.long
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_one_worker_finishes_a_job_while_its_claim_holds(jobs: JobsPlace, steps: list[tuple[str, int]]):
    async def run() -> None:
        job_id, holder, finished = uuid4().hex, None, None
        held: dict[int, Claim] = {}
        async with connect(replace(jobs.place, visibility_seconds=60)) as services:
            for step, worker in steps:
                if step == "take":
                    taken = await services.claims.take(job_id)
                    expected = Done if finished else Claim if holder is None else Busy
                    assert isinstance(taken, expected)
                    if isinstance(taken, Claim):
                        holder, held[worker] = taken, taken
                elif worker in held:
                    claim = held[worker]
                    if step == "release":
                        await services.claims.release(claim)
                        holder = None if claim == holder else holder
                        held.pop(worker)
                        continue
                    change = services.claims.renew(claim) if step == "renew" else services.claims.finish(claim, "key")
                    if finished or claim != holder:
                        with pytest.raises(ClaimLostError):
                            await change
                    else:
                        await change
                        finished = finished or step == "finish"

    asyncio.run(run())


def test_a_claim_that_nobody_renews_is_another_workers_and_the_late_one_changes_nothing(jobs: JobsPlace):
    async def run() -> tuple[object, str | None]:
        async with (
            connect(replace(jobs.place, visibility_seconds=EXPIRED)) as dying,
            connect(replace(jobs.place, visibility_seconds=60)) as other,
        ):
            late = await dying.claims.take("job")
            assert isinstance(late, Claim)
            await asyncio.sleep(0.01)
            claim = await other.claims.take("job")
            assert isinstance(claim, Claim)
            await other.claims.finish(claim, "results/other")
            with pytest.raises(ClaimLostError):
                await dying.claims.finish(late, "results/late")
            return await other.claims.take("job"), await other.claims.result_key("job")

    again, key = asyncio.run(run())
    assert isinstance(again, Done)
    assert key == "results/other"
