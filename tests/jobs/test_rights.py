"""Users and workers call what their policies allow, and their policies allow nothing that they do not call."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

from aiobotocore.session import AioSession

from moorage.aws.job_queue import consumer_policy, producer_policy
from moorage_serving.jobs.message import Job
from moorage_serving.jobs.runner import Outcome
from moorage_serving.jobs.store import LARGEST_BODY_BYTES
from moorage_serving.jobs.submission import result_of, submit

from .place import WAIT_SECONDS, JobsPlace, runner_before

if TYPE_CHECKING:
    from tests.gateway.processes import EngineRoom, RunningEngine

QUEUE, BUCKET, TABLE = (f"arn:aws:{kind}" for kind in ("sqs:eu-central-1:1:q", "s3:::b", "dynamodb:eu-central-1:1:t"))
KEY = "arn:aws:kms:eu-central-1:1:key/k"
# What the three services call themselves for whoever calls them: the key that all is encrypted with.
OF_THE_KEY = {("kms:Decrypt", KEY), ("kms:GenerateDataKey", KEY)}

# The last of what a worker calls again and again while the engine works.
RENEWAL = ("sqs:ChangeMessageVisibility", QUEUE)

Right = tuple[str, str]


class Traced(AioSession):
    """Notes the right that each call needs."""

    def __init__(self) -> None:
        super().__init__()
        self.needed: set[Right] = set()
        self.register("before-call", self._note)

    def _note(self, model: Any, params: Any, **_: Any) -> None:
        service = model.service_model.service_name
        resource = {"sqs": QUEUE, "dynamodb": TABLE}.get(service)
        if resource is None:
            [folder] = [folder for folder in ("bodies", "results") if f"/{folder}/" in params["url"]]
            resource = f"{BUCKET}/{folder}/*"
        self.needed.add((f"{service}:{model.name}", resource))


def allowed(policy: str) -> set[Right]:
    return {
        (action, resource)
        for statement in json.loads(policy)["Statement"]
        for action in statement["Action"]
        for resource in statement["Resource"]
    }


def test_each_policy_allows_exactly_what_is_called(jobs: JobsPlace, engine: RunningEngine, engine_room: EngineRoom):
    user, worker = Traced(), Traced()
    large = {"model": "moored", "prompt": "x" * LARGEST_BODY_BYTES}
    small = {"model": "moored", "prompt": "Ahoy"}

    async def scenario() -> None:
        async with (
            runner_before(jobs, engine.address, user) as (services, _),
            runner_before(jobs, engine.address, worker) as (_, runner),
        ):
            for body in (large, small):
                job_id = await submit(services, Job(path="/v1/completions", body=body))
                [delivery] = await runner.queue.receive(1)
                with engine_room.holding(engine.fake.may_answer) as let_go:
                    running = asyncio.create_task(runner.run(delivery))
                    async with asyncio.timeout(WAIT_SECONDS):
                        while RENEWAL not in worker.needed:  # noqa: ASYNC110 - nothing tells when
                            await asyncio.sleep(0.01)
                    let_go()
                    assert await running is Outcome.SUCCEEDED
                assert await result_of(services, job_id) is not None

    asyncio.run(scenario())
    assert user.needed | OF_THE_KEY == allowed(producer_policy(QUEUE, BUCKET, TABLE, KEY))
    assert worker.needed | OF_THE_KEY == allowed(consumer_policy(QUEUE, BUCKET, TABLE, KEY))
