"""Bodies too large for a message, and results: a bucket of Amazon S3."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from moorage_serving.jobs.message import Job, JobResult

if TYPE_CHECKING:
    from moorage_serving.jobs.claims import Claim

# botocore 1.43.117, sqs: MaximumMessageSize, 1 MiB by default; the rest of a job's message is a few hundred bytes.
LARGEST_BODY_BYTES = 1_000_000


class JobStore:
    """The bucket: `bodies/` and `results/`."""

    def __init__(self, client: Any, bucket: str) -> None:
        """`client`: of aiobotocore."""
        self._client = client
        self._bucket = bucket

    async def set_aside_large_body(self, job: Job) -> Job:
        """The job as it fits into a message."""
        body = json.dumps(job.body).encode()
        if job.body is None or len(body) <= LARGEST_BODY_BYTES:
            return job
        key = f"bodies/{job.job_id}.json"
        await self._put(key, body)
        return job.model_copy(update={"body": None, "body_key": key})

    async def body_of(self, job: Job) -> bytes:
        """As it is sent to the engine."""
        return json.dumps(job.body).encode() if job.body_key is None else await self._get(job.body_key)

    async def put_result(self, claim: Claim, result: JobResult) -> str:
        """Its key, which no other worker's result has."""
        key = f"results/{claim.job_id}/{claim.token}.json"
        await self._put(key, result.model_dump_json().encode())
        return key

    async def get_result(self, key: str) -> JobResult:
        return JobResult.model_validate_json(await self._get(key))

    async def _put(self, key: str, content: bytes) -> None:
        await self._client.put_object(Bucket=self._bucket, Key=key, Body=content, ContentType="application/json")

    async def _get(self, key: str) -> bytes:
        answer = await self._client.get_object(Bucket=self._bucket, Key=key)
        async with answer["Body"] as stream:
            return await stream.read()
