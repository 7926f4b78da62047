"""A queue, a bucket and a table at moto's server, and workers before them as processes."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any
from uuid import uuid4

from moorage_serving.jobs.connections import connect, job_runner
from moorage_serving.jobs.message import Job
from moorage_serving.jobs.metrics import JobMetrics
from moorage_serving.jobs.place import Place
from moorage_serving.jobs.submission import result_of, submit
from tests.gateway.processes import REPOSITORY
from tests.moto_server import ENVIRONMENT, client

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from aiobotocore.session import AioSession

    from moorage_serving.jobs.connections import Services
    from moorage_serving.jobs.message import JobResult
    from moorage_serving.jobs.runner import JobRunner

VISIBILITY_SECONDS = 3
PATIENT_VISIBILITY_SECONDS = 30
"""Longer than a busy machine keeps a worker from renewing what it holds."""
MAX_RECEIVE_COUNT = 3
WAIT_SECONDS = 60
HIDDEN_SECONDS = 600
"""Before Lambda's poller has a message again that it has handed over."""


@dataclass(frozen=True)
class JobsPlace:
    """One of each, which nobody else uses."""

    address: str
    place: Place
    dead_letter_queue_url: str

    def submit(self, content: str, job_id: str | None = None, **program: object) -> str:
        """A chat of which the engine answers the content."""
        body = {"model": "moored", "messages": [{"role": "user", "content": content}], "fake_engine": program}
        job = Job(body=body) if job_id is None else Job(body=body, job_id=job_id)
        return asyncio.run(self._with_services(lambda services: submit(services, job)))

    def send(self, message: str) -> None:
        client("sqs", self.address).send_message(QueueUrl=self.place.queue_url, MessageBody=message)

    def result(self, job_id: str) -> JobResult | None:
        return asyncio.run(self._with_services(lambda services: result_of(services, job_id)))

    def results(self) -> list[str]:
        """The keys of all that any worker has written."""
        found = client("s3", self.address).list_objects_v2(Bucket=self.place.bucket, Prefix="results/")
        return [item["Key"] for item in found.get("Contents", [])]

    def messages(self, queue_url: str | None = None) -> int:
        """In the queue, those too that somebody works on."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        sqs = client("sqs", self.address)
        answer = sqs.get_queue_attributes(QueueUrl=queue_url or self.place.queue_url, AttributeNames=names)
        return sum(int(answer["Attributes"][name]) for name in names)

    def waiting(self) -> int:
        """Messages in the queue that nobody works on."""
        name = "ApproximateNumberOfMessages"
        answer = client("sqs", self.address).get_queue_attributes(QueueUrl=self.place.queue_url, AttributeNames=[name])
        return int(answer["Attributes"][name])

    def purge(self) -> None:
        """Nothing is in the queue after it."""
        client("sqs", self.address).purge_queue(QueueUrl=self.place.queue_url)

    def event(self) -> dict[str, Any]:
        """What Lambda hands over, which has received all that is in the queue."""
        found = client("sqs", self.address).receive_message(
            QueueUrl=self.place.queue_url,
            MaxNumberOfMessages=10,
            VisibilityTimeout=HIDDEN_SECONDS,
            MessageSystemAttributeNames=["All"],
        )
        return {
            "Records": [
                {
                    "messageId": message["MessageId"],
                    "receiptHandle": message["ReceiptHandle"],
                    "body": message["Body"],
                    "attributes": message["Attributes"],
                    "messageAttributes": {},
                    "md5OfBody": message["MD5OfBody"],
                    "eventSource": "aws:sqs",
                    "eventSourceARN": f"arn:aws:sqs:us-east-1:123456789012:{self.place.queue_url.rpartition('/')[2]}",
                    "awsRegion": "us-east-1",
                }
                for message in found["Messages"]
            ]
        }

    @property
    def environment(self) -> dict[str, str]:
        return {
            **os.environ,
            **ENVIRONMENT,
            "AWS_ENDPOINT_URL": self.address,
            "PYTHONPATH": str(REPOSITORY / "serving_image"),
            "MOORAGE_JOBS_QUEUE_URL": self.place.queue_url,
            "MOORAGE_JOBS_BUCKET": self.place.bucket,
            "MOORAGE_JOBS_TABLE": self.place.table,
        }

    def command(self, *arguments: str, given: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "moorage_serving.jobs", *arguments],
            input=given,
            text=True,
            capture_output=True,
            env=self.environment,
            check=False,
            timeout=120,
        )

    @contextmanager
    def worker(
        self,
        endpoint: str,
        *arguments: str,
        visibility_seconds: int = PATIENT_VISIBILITY_SECONDS,
        stdout: IO[bytes] | None = None,
    ) -> Iterator[subprocess.Popen[bytes]]:
        """A process; whoever has not stopped it kills it."""
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "moorage_serving.jobs", "work", "--endpoint", endpoint),
                *("--visibility-seconds", str(visibility_seconds), "--retry-seconds", "2", *arguments),
            ],
            env=self.environment,
            stdout=stdout,
        )
        try:
            yield process
        finally:
            process.kill()
            process.wait()

    async def _with_services(self, work: Callable[[Services], Any]) -> Any:
        async with connect(self.place) as services:
            return await work(services)


def make_place(address: str) -> JobsPlace:
    """A new one."""
    name = f"jobs-{uuid4().hex[:12]}"
    sqs, s3, dynamodb = (client(service, address) for service in ("sqs", "s3", "dynamodb"))
    failed = sqs.create_queue(QueueName=f"{name}-failed")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=failed, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    redrive = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": MAX_RECEIVE_COUNT})
    queue = sqs.create_queue(QueueName=name, Attributes={"RedrivePolicy": redrive})["QueueUrl"]
    s3.create_bucket(Bucket=name)
    dynamodb.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "job_id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "job_id", "KeyType": "HASH"}],
    )
    return JobsPlace(address, Place(queue, name, name, VISIBILITY_SECONDS), failed)


@asynccontextmanager
async def runner_before(
    jobs: JobsPlace, endpoint: str, session: AioSession | None = None
) -> AsyncIterator[tuple[Services, JobRunner]]:
    """In this process."""
    async with (
        connect(jobs.place, session=session) as services,
        job_runner(services, endpoint, None, 30, JobMetrics(), 1) as runner,
    ):
        yield services, runner


def wait_until(holds: Callable[[], object], what: str) -> None:
    """Fails after a minute."""
    deadline = time.monotonic() + WAIT_SECONDS
    while not holds():
        assert time.monotonic() < deadline, f"not within {WAIT_SECONDS} seconds: {what}"
        time.sleep(0.05)
