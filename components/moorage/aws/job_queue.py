"""A queue of jobs on AWS, with what its workers need beside it."""

import json
from collections.abc import Mapping
from typing import NotRequired, TypedDict

import pulumi
from pulumi_aws import dynamodb, kms, sqs

from moorage.aws.encryption_key import create_key
from moorage.aws.job_queue_spec import DEAD_LETTER_RETENTION_DAYS, LONG_POLL_SECONDS, SqsJobQueueSpec
from moorage.aws.names import check_name
from moorage.aws.policy import Statement, allow, policy_document
from moorage.aws.private_bucket import create_expiring_bucket
from moorage.aws.tags import named
from moorage.spec.parsing import known_of, parse

_SECONDS_PER_DAY = 86_400


class SqsJobQueueArgs(TypedDict):
    """How long jobs wait, and what becomes of those that fail."""

    region: str
    """Such as `eu-central-1`."""
    visibility_seconds: NotRequired[int]
    """After this long a job comes again whose worker has said nothing more. Workers ask for more time as long as they
    work, so it need not be as long as a job. Default: 60."""
    retention_days: NotRequired[int]
    """How long a job waits at most, 1 to 13. Default: 4."""
    max_receive_count: NotRequired[int]
    """After so many deliveries a job is a dead letter; workers keep it while engines are full or out of reach, which is
    one delivery. Default: 10."""
    result_retention_days: NotRequired[int]
    """How long results, and what is known of jobs that are done, are kept; at least 14, as long as a message can come
    again. Workers have to be told another number than 14 (`--record-days`). Default: 14."""
    deletion_protection: NotRequired[bool]
    """Whether Pulumi refuses to delete the queues, the bucket and the table. Default: it refuses."""
    tags: NotRequired[Mapping[str, str]]
    """On every resource. Default: none."""


class SqsJobQueue(pulumi.ComponentResource):
    """A queue of SQS with one for dead letters, a bucket for results and large jobs, and a table of jobs that are done.

    A job that is sent twice, or comes twice, is done once: the table knows. All is encrypted with one key of its own,
    and refuses whoever comes without TLS. `moorage_serving.jobs` submits and works.
    """

    queue_url: pulumi.Output[str]
    queue_arn: pulumi.Output[str]
    queue_name: pulumi.Output[str]
    dead_letter_queue_name: pulumi.Output[str]
    bucket_name: pulumi.Output[str]
    table_name: pulumi.Output[str]
    record_days: pulumi.Output[int]
    """For how long a job is known: `FargateWorker` wants it as `result_retention_days`."""
    producer_policy: pulumi.Output[str]
    """To submit jobs and to read their results: for a role."""
    consumer_policy: pulumi.Output[str]
    """To work: for the workers' role."""

    def __init__(self, name: str, args: SqsJobQueueArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Raises `moorage.spec.SpecError` for what SQS would refuse."""
        super().__init__("moorage:index:SqsJobQueue", name, dict(args), opts)
        check_name(name)
        self._name, self._spec = name, parse(SqsJobQueueSpec, known_of(SqsJobQueueSpec, args), "")
        self._child = pulumi.ResourceOptions(parent=self)
        self._guarded = pulumi.ResourceOptions(parent=self, protect=self._spec.deletion_protection)
        key = create_key(
            f"{name}-key",
            description=f"Jobs of {name}",
            tags=self._spec.tags,
            deletion_protection=self._spec.deletion_protection,
            opts=self._guarded,
        )
        dead_letters = self._create_queue("dead", DEAD_LETTER_RETENTION_DAYS, key, None)
        queue = self._create_queue("jobs", self._spec.retention_days, key, dead_letters)
        self._let_redrive(queue, dead_letters)
        table = self._create_table(key)
        bucket = create_expiring_bucket(
            f"{name}-results",
            days=self._spec.result_retention_days,
            key_arn=key.arn,
            deletion_protection=self._spec.deletion_protection,
            tags=self._spec.tags,
            opts=self._child,
        )
        self.queue_url, self.queue_arn, self.queue_name = queue.url, queue.arn, queue.name
        self.dead_letter_queue_name, self.bucket_name, self.table_name = dead_letters.name, bucket.bucket, table.name
        self.record_days = pulumi.Output.from_input(self._spec.result_retention_days)
        arns = pulumi.Output.all(queue.arn, bucket.arn, table.arn, key.arn)
        self.producer_policy = arns.apply(lambda known: producer_policy(*known))
        self.consumer_policy = arns.apply(lambda known: consumer_policy(*known))
        self.register_outputs(
            {
                "queue_url": self.queue_url,
                "queue_arn": self.queue_arn,
                "queue_name": self.queue_name,
                "dead_letter_queue_name": self.dead_letter_queue_name,
                "bucket_name": self.bucket_name,
                "table_name": self.table_name,
                "record_days": self.record_days,
                "producer_policy": self.producer_policy,
                "consumer_policy": self.consumer_policy,
            }
        )

    def _create_queue(
        self, suffix: str, retention_days: int, key: kms.Key, dead_letters: sqs.Queue | None
    ) -> sqs.Queue:
        name = f"{self._name}-{suffix}"
        redrive: pulumi.Output[str] | None = None
        if dead_letters is not None:
            most = self._spec.max_receive_count
            redrive = dead_letters.arn.apply(
                lambda arn: json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": most})
            )
        queue = sqs.Queue(
            name,
            visibility_timeout_seconds=self._spec.visibility_seconds,
            message_retention_seconds=retention_days * _SECONDS_PER_DAY,
            receive_wait_time_seconds=LONG_POLL_SECONDS,
            redrive_policy=redrive,
            kms_master_key_id=key.arn,
            tags=named(name, self._spec.tags),
            opts=self._guarded,
        )
        sqs.QueuePolicy(f"{name}-tls", queue_url=queue.url, policy=queue.arn.apply(_tls_policy), opts=self._child)
        return queue

    def _let_redrive(self, queue: sqs.Queue, dead_letters: sqs.Queue) -> None:
        """No other queue sends its dead letters there."""
        sqs.RedriveAllowPolicy(
            f"{self._name}-dead-allow",
            queue_url=dead_letters.url,
            redrive_allow_policy=queue.arn.apply(
                lambda arn: json.dumps({"redrivePermission": "byQueue", "sourceQueueArns": [arn]})
            ),
            opts=self._child,
        )

    def _create_table(self, key: kms.Key) -> dynamodb.Table:
        name = f"{self._name}-done"
        return dynamodb.Table(
            name,
            billing_mode="PAY_PER_REQUEST",
            hash_key="job_id",
            attributes=[{"name": "job_id", "type": "S"}],
            ttl={"attribute_name": "expires_at", "enabled": True},
            point_in_time_recovery={"enabled": True},
            server_side_encryption={"enabled": True, "kms_key_arn": key.arn},
            deletion_protection_enabled=self._spec.deletion_protection,
            tags=named(name, self._spec.tags),
            opts=self._guarded,
        )


def producer_policy(queue_arn: str, bucket_arn: str, table_arn: str, key_arn: str) -> str:
    """What `moorage_serving.jobs submit` and `result` call."""
    return policy_document(
        allow("Submit", ("sqs:SendMessage",), (queue_arn,)),
        *_objects(f"{bucket_arn}/bodies/*", f"{bucket_arn}/results/*", key_arn),
        allow("ReadState", ("dynamodb:GetItem",), (table_arn,)),
    )


def consumer_policy(queue_arn: str, bucket_arn: str, table_arn: str, key_arn: str) -> str:
    """What `moorage_serving.jobs work` calls."""
    receive = ("sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:ReceiveMessage")
    return policy_document(
        allow("Receive", receive, (queue_arn,)),
        *_objects(f"{bucket_arn}/results/*", f"{bucket_arn}/bodies/*", key_arn),
        allow("Claim", ("dynamodb:UpdateItem",), (table_arn,)),
    )


def _objects(written: str, read: str, key_arn: str) -> list[Statement]:
    """Producers write what consumers read, and the other way round."""
    return [
        allow("Write", ("s3:PutObject",), (written,)),
        allow("Read", ("s3:GetObject",), (read,)),
        allow("Encrypt", ("kms:Decrypt", "kms:GenerateDataKey"), (key_arn,)),
    ]


def _tls_policy(queue_arn: str) -> str:
    return policy_document(
        Statement(
            Sid="TlsOnly",
            Effect="Deny",
            Principal="*",
            Action=["sqs:*"],
            Resource=queue_arn,
            Condition={"Bool": {"aws:SecureTransport": "false"}},
        )
    )
