"""Where a model's weights lie on AWS."""

from collections.abc import Mapping
from typing import NotRequired, TypedDict

import pulumi
from pulumi_aws import s3
from pydantic import BaseModel, ConfigDict

from moorage.aws.encryption_key import create_key
from moorage.aws.names import check_name
from moorage.aws.policy import allow, policy_document
from moorage.aws.private_bucket import make_private, tls_policy
from moorage.aws.tags import Tags, named
from moorage.spec.parsing import parse

NONCURRENT_VERSION_DAYS = 30
_INCOMPLETE_UPLOAD_DAYS = 7


class S3ModelStoreArgs(TypedDict):
    """How well it is guarded."""

    deletion_protection: NotRequired[bool]
    """Whether Pulumi refuses to delete the bucket and its key. Without it, `destroy` deletes the models too. Default:
    it refuses."""
    tags: NotRequired[Mapping[str, str]]
    """On every resource. Default: none."""


class S3ModelStore(pulumi.ComponentResource):
    """A bucket for weights: private, versioned, encrypted with a key of its own, reached by TLS alone.

    What was overwritten or deleted can be had back for 30 days.
    """

    bucket_name: pulumi.Output[str]
    bucket_arn: pulumi.Output[str]
    uri: pulumi.Output[str]
    """`s3://name`, under which an engine finds its model."""
    key_arn: pulumi.Output[str]
    read_policy: pulumi.Output[str]
    """What an engine's role needs, as `EksWorkloadIdentity` takes it: to list and read, nothing else."""

    def __init__(self, name: str, args: S3ModelStoreArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("moorage:index:S3ModelStore", name, dict(args), opts)
        check_name(name)
        self._spec = parse(_ModelStoreSpec, args, "")
        key = create_key(
            f"{name}-key",
            description=f"Model store {name}",
            tags=self._spec.tags,
            deletion_protection=self._spec.deletion_protection,
            opts=self._guarded(),
        )
        bucket = self._create_bucket(name)
        make_private(
            name,
            bucket,
            key_arn=key.arn,
            policy_name=f"{name}-tls",
            policy=bucket.arn.apply(tls_policy),
            opts=self._child(),
        )
        self._expire(name, bucket)
        self.bucket_name, self.bucket_arn, self.key_arn = bucket.bucket, bucket.arn, key.arn
        self.uri = pulumi.Output.concat("s3://", bucket.bucket)
        self.read_policy = pulumi.Output.all(bucket.arn, key.arn).apply(lambda arns: read_policy(*arns))
        self.register_outputs(
            {
                "bucket_name": self.bucket_name,
                "bucket_arn": self.bucket_arn,
                "uri": self.uri,
                "key_arn": self.key_arn,
                "read_policy": self.read_policy,
            }
        )

    def _create_bucket(self, name: str) -> s3.Bucket:
        return s3.Bucket(
            f"{name}-bucket",
            force_destroy=not self._spec.deletion_protection,
            tags=named(f"{name}-bucket", self._spec.tags),
            opts=self._guarded(),
        )

    def _expire(self, name: str, bucket: s3.Bucket) -> None:
        versioning = s3.BucketVersioning(
            f"{name}-versions",
            bucket=bucket.id,
            versioning_configuration={"status": "Enabled"},
            opts=self._child(),
        )
        s3.BucketLifecycleConfiguration(
            f"{name}-expiry",
            bucket=bucket.id,
            rules=[
                {
                    "id": "noncurrent-versions",
                    "status": "Enabled",
                    "filter": {"prefix": ""},
                    "noncurrent_version_expiration": {"noncurrent_days": NONCURRENT_VERSION_DAYS},
                    "abort_incomplete_multipart_upload": {"days_after_initiation": _INCOMPLETE_UPLOAD_DAYS},
                }
            ],
            opts=self._child(versioning),
        )

    def _guarded(self) -> pulumi.ResourceOptions:
        return pulumi.ResourceOptions(parent=self, protect=self._spec.deletion_protection)

    def _child(self, *after: pulumi.Resource) -> pulumi.ResourceOptions:
        return pulumi.ResourceOptions(parent=self, depends_on=list(after))


class _ModelStoreSpec(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    deletion_protection: bool = True
    tags: Tags = {}


def read_policy(bucket_arn: str, key_arn: str) -> str:
    """To list one bucket and read its objects."""
    return policy_document(
        allow("ListModels", ("s3:GetBucketLocation", "s3:ListBucket"), (bucket_arn,)),
        allow("ReadModels", ("s3:GetObject",), (f"{bucket_arn}/*",)),
        allow("DecryptModels", ("kms:Decrypt",), (key_arn,)),
    )
