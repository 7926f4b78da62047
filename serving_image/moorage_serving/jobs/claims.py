"""Who works on which job, and which are done: a table of Amazon DynamoDB.

Every change is one conditional write. A claim that nobody renews runs out, and another worker may take the job; the
one that comes too late then finds its claim gone, and its result is never the job's.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from botocore.exceptions import ClientError

from moorage_serving.jobs.place import LEAST_RECORD_DAYS

_SECONDS_PER_DAY = 86_400


class ClaimLostError(Exception):
    """The claim has run out, and the job is another worker's."""


@dataclass(frozen=True)
class Claim:
    """One worker's right to finish one job."""

    job_id: str
    token: str


@dataclass(frozen=True)
class Done:
    """The job needs no work any more."""


@dataclass(frozen=True)
class Busy:
    """Another worker has the job."""

    remaining_seconds: int
    """After which its claim runs out unless it is renewed."""


class Claims:
    """The table, in which an item is a job."""

    def __init__(self, client: Any, table: str, claim_seconds: int, record_days: int = LEAST_RECORD_DAYS) -> None:
        """`client`: of aiobotocore. `record_days`: as long as the bucket keeps results."""
        self._record_seconds = record_days * _SECONDS_PER_DAY
        self._client = client
        self._table = table
        self._claim_seconds = claim_seconds

    async def take(self, job_id: str) -> Claim | Done | Busy:
        """The claim if the job is new, or if nobody's claim on it holds."""
        claim = Claim(job_id, uuid4().hex)
        now = time.time()
        try:
            await self._update(
                claim,
                "SET claim_token = :token, claimed_until = :until, expires_at = :expires",
                "attribute_not_exists(job_id) OR (attribute_not_exists(result_key) AND claimed_until < :now)",
                {**self._until(now), ":now": _number(now), ":expires": _number(int(now) + self._record_seconds)},
            )
        except ClientError as error:
            item = _refused_item(error)
            if "result_key" in item:
                return Done()
            return Busy(max(1, int(float(item["claimed_until"]["N"]) - now) + 1))
        return claim

    async def renew(self, claim: Claim) -> None:
        """Raises ClaimLostError."""
        await self._change(claim, "SET claimed_until = :until", self._until(time.time()))

    async def release(self, claim: Claim) -> None:
        """Whoever comes next may take the job at once. Nothing where the claim is lost."""
        try:
            await self._change(claim, "SET claimed_until = :until", {":until": _number(0)})
        except ClaimLostError:
            return

    async def finish(self, claim: Claim, result_key: str) -> None:
        """From here on this is the job's only result. Raises ClaimLostError."""
        await self._change(claim, "SET result_key = :result", {":result": {"S": result_key}})

    async def result_key(self, job_id: str) -> str | None:
        """None while there is no result, and once its record is over: DynamoDB may have that for days longer, and the
        bucket no result any more."""
        answer = await self._client.get_item(TableName=self._table, Key={"job_id": {"S": job_id}}, ConsistentRead=True)
        item = answer.get("Item", {})
        if "result_key" not in item or float(item["expires_at"]["N"]) < time.time():
            return None
        return item["result_key"]["S"]

    async def _change(self, claim: Claim, change: str, values: dict[str, Any]) -> None:
        try:
            await self._update(claim, change, "claim_token = :token AND attribute_not_exists(result_key)", values)
        except ClientError as error:
            _refused_item(error)
            raise ClaimLostError from error

    async def _update(self, claim: Claim, change: str, condition: str, values: dict[str, Any]) -> None:
        await self._client.update_item(
            TableName=self._table,
            Key={"job_id": {"S": claim.job_id}},
            UpdateExpression=change,
            ConditionExpression=condition,
            ExpressionAttributeValues={":token": {"S": claim.token}, **values},
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )

    def _until(self, now: float) -> dict[str, Any]:
        return {":until": _number(now + self._claim_seconds)}


def _number(value: float) -> dict[str, str]:
    return {"N": str(value)}


def _refused_item(error: ClientError) -> dict[str, Any]:
    """What the table has, where that was the reason; raises the error where it was another."""
    if error.response.get("Error", {}).get("Code") != "ConditionalCheckFailedException":
        raise error
    return error.response.get("Item", {})  # pyright: ignore[reportReturnType] - the SDK's types leave it out
