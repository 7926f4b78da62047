"""A batch of SQS as Lambda hands it to a function."""

from __future__ import annotations

import asyncio
import multiprocessing
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import ValidationError

from moorage_serving.jobs.events import answer_sqs_event
from moorage_serving.jobs.message import Job

from .place import JobsPlace, runner_before, wait_until

if TYPE_CHECKING:
    from tests.gateway.processes import RunningEngine


def answer(jobs: JobsPlace, engine: RunningEngine, event: dict[str, Any]) -> dict[str, list[dict[str, str]]]:
    return answer_before(jobs, engine.address, event)


def answer_before(jobs: JobsPlace, endpoint: str, event: dict[str, Any]) -> dict[str, list[dict[str, str]]]:
    async def answered() -> dict[str, list[dict[str, str]]]:
        async with runner_before(jobs, endpoint) as (_, runner):
            return await answer_sqs_event(runner, event)

    return asyncio.run(answered())


def test_only_what_has_to_come_again_is_named(jobs: JobsPlace, engine: RunningEngine):
    jobs.submit("Done", "done")
    jobs.submit("Wrong", "wrong", status=400)
    jobs.submit("Full", "full", status=503)
    event = jobs.event()
    [full] = [record["messageId"] for record in event["Records"] if '"full"' in record["body"]]
    assert answer(jobs, engine, event) == {"batchItemFailures": [{"itemIdentifier": full}]}
    outcomes = {job_id: jobs.result(job_id) for job_id in ("done", "wrong", "full")}
    assert {job_id: found and found.outcome for job_id, found in outcomes.items()} == {
        "done": "succeeded",
        "wrong": "failed",
        "full": None,
    }
    assert jobs.messages() == 1


def test_an_event_that_comes_again_does_nothing_again(jobs: JobsPlace, engine: RunningEngine):
    jobs.submit("Once", "once")
    event = jobs.event()
    assert answer(jobs, engine, event) == answer(jobs, engine, event) == {"batchItemFailures": []}
    assert engine.fake.counters.requests == 1


def test_a_job_at_which_a_service_fails_comes_again_when_its_claim_has_run_out(jobs: JobsPlace, engine: RunningEngine):
    jobs = replace(jobs, place=replace(jobs.place, visibility_seconds=1))
    jobs.send(Job(body_key="bodies/gone.json").model_dump_json(exclude_none=True))
    event = jobs.event()
    assert len(answer(jobs, engine, event)["batchItemFailures"]) == 1
    wait_until(jobs.waiting, "the message again")


@pytest.mark.long
def test_a_job_whose_function_is_killed_comes_again_when_its_claim_has_run_out(jobs: JobsPlace, engine: RunningEngine):
    jobs = replace(jobs, place=replace(jobs.place, visibility_seconds=10))
    jobs.submit("Long", time_to_first_token_seconds=60)
    function = multiprocessing.get_context("spawn").Process(
        target=answer_before, args=(jobs, engine.address, jobs.event())
    )
    function.start()
    wait_until(lambda: engine.fake.counters.running == 1, "a begun job")
    function.kill()
    function.join()
    wait_until(jobs.waiting, "the message again")


def test_an_event_of_another_service_is_refused(jobs: JobsPlace, engine: RunningEngine):
    with pytest.raises(ValidationError, match="Records"):
        answer(jobs, engine, {"source": "aws.events"})
