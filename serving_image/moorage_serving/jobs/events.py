"""Jobs that AWS Lambda receives from SQS in a worker's place."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, Field

from moorage_serving.jobs.queue import Delivery

if TYPE_CHECKING:
    from collections.abc import Mapping

    from moorage_serving.jobs.runner import JobRunner


class _Attributes(BaseModel):
    receive_count: int = Field(alias="ApproximateReceiveCount")


class _Record(BaseModel):
    message_id: str = Field(alias="messageId")
    receipt: str = Field(alias="receiptHandle")
    body: str
    attributes: _Attributes


class SqsEvent(BaseModel):
    """docs.aws.amazon.com/lambda/latest/dg/with-sqs.html#example-standard-queue-message-event (read 2026-11-25)"""

    records: list[_Record] = Field(alias="Records")


async def answer_sqs_event(runner: JobRunner, event: Mapping[str, Any]) -> dict[str, list[dict[str, str]]]:
    """Works on a batch, and names the messages that have to come again (`ReportBatchItemFailures`).

    The adapter (Lambda Web Adapter) posts the event to `/events`, and hands this answer on as the function's. When a
    message comes again is said to the queue itself.

    docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html (read 2026-11-25)

    Raises:
        pydantic.ValidationError: the event is none of SQS.
    """
    records = SqsEvent.model_validate(event).records
    outcomes = await asyncio.gather(
        *(
            # A function that waits is paid for, and has no more time than its messages are invisible.
            runner.run(Delivery(found.body, found.receipt, found.attributes.receive_count), may_wait=False)
            for found in records
        )
    )
    failures = [found for found, outcome in zip(records, outcomes, strict=True) if not outcome.is_final]
    return {"batchItemFailures": [{"itemIdentifier": found.message_id} for found in failures]}
