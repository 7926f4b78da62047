"""What a user does with jobs: hand one in, and fetch what has become of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from moorage_serving.jobs.connections import Services
    from moorage_serving.jobs.message import Job, JobResult


async def submit(services: Services, job: Job) -> str:
    """The job's id. Submitting it again under that id does it no second time."""
    job = await services.store.set_aside_large_body(job)
    await services.queue.publish(job.model_dump_json(exclude_none=True))
    return job.job_id


async def result_of(services: Services, job_id: str) -> JobResult | None:
    """None while there is none."""
    key = await services.claims.result_key(job_id)
    return None if key is None else await services.store.get_result(key)
