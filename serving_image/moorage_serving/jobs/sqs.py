"""Amazon SQS as the queue of jobs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from moorage_serving.jobs.queue import Delivery, DeliveryLostError

if TYPE_CHECKING:
    from collections.abc import Sequence

# botocore 1.43.117, sqs: ReceiveMessage takes at most 10, and waits for at most 20 seconds.
_MOST_MESSAGES = 10
_WAIT_SECONDS = 20
# botocore 1.43.117, sqs: ChangeMessageVisibility: a message is invisible for at most 12 hours in all.
_GONE = ("InvalidParameterValue", "MessageNotInflight", "ReceiptHandleIsInvalid")


class SqsQueue:
    """The adapter of `JobQueue`."""

    def __init__(self, client: Any, queue_url: str, visibility_seconds: int) -> None:
        """`client`: of aiobotocore."""
        self._client = client
        self._queue_url = queue_url
        self.visibility_seconds = visibility_seconds

    async def publish(self, body: str) -> None:
        await self._client.send_message(QueueUrl=self._queue_url, MessageBody=body)

    async def receive(self, most: int) -> Sequence[Delivery]:
        answer = await self._client.receive_message(
            QueueUrl=self._queue_url,
            MaxNumberOfMessages=min(most, _MOST_MESSAGES),
            WaitTimeSeconds=_WAIT_SECONDS,
            VisibilityTimeout=self.visibility_seconds,
            MessageSystemAttributeNames=["ApproximateReceiveCount"],
        )
        return [
            Delivery(message["Body"], message["ReceiptHandle"], int(message["Attributes"]["ApproximateReceiveCount"]))
            for message in answer.get("Messages", [])
        ]

    async def extend(self, delivery: Delivery) -> None:
        try:
            await self._change_visibility(delivery, self.visibility_seconds)
        except ClientError as error:
            if not _is_gone(error):
                raise
            raise DeliveryLostError from error

    async def give_back(self, delivery: Delivery, delay_seconds: int) -> None:
        try:
            await self._change_visibility(delivery, delay_seconds)
        except ClientError as error:
            if not _is_gone(error):
                raise

    async def acknowledge(self, delivery: Delivery) -> None:
        await self._client.delete_message(QueueUrl=self._queue_url, ReceiptHandle=delivery.receipt)

    async def _change_visibility(self, delivery: Delivery, seconds: int) -> None:
        await self._client.change_message_visibility(
            QueueUrl=self._queue_url, ReceiptHandle=delivery.receipt, VisibilityTimeout=seconds
        )


def _is_gone(error: ClientError) -> bool:
    code = error.response.get("Error", {}).get("Code", "")
    return code.removeprefix("AWS.SimpleQueueService.") in _GONE
