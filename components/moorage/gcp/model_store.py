"""Where a model's weights lie on Google Cloud."""

from collections.abc import Mapping
from typing import NotRequired, TypedDict

import pulumi
from pulumi_gcp import storage

from moorage.gcp.encryption_key import create_key
from moorage.gcp.guarded_spec import GuardedSpec
from moorage.gcp.names import check_name
from moorage.spec.parsing import parse

NONCURRENT_VERSION_DAYS = 30
_INCOMPLETE_UPLOAD_DAYS = 7
_SOFT_DELETE_SECONDS = 7 * 24 * 3600
_CREATED_ELSEWHERE = frozenset({"readers"})
# To list and read the objects of this bucket, no more (docs.cloud.google.com/storage/docs/access-control/iam-roles).
_READ = "roles/storage.objectViewer"


class GcsModelStoreArgs(TypedDict):
    """Where it is, who reads it, and how well it is guarded."""

    project: str
    """The project's id."""
    project_number: str
    """The project's number: Cloud Storage encrypts in its name."""
    region: str
    """Where the GPUs are: weights from elsewhere are slow, and their way is charged for."""
    readers: NotRequired[Mapping[str, pulumi.Input[str]]]
    """A name of your own to the e-mail address of a service account, as `GkeWorkloadIdentity` gives it. Default:
    nobody."""
    deletion_protection: NotRequired[bool]
    """Whether Pulumi refuses to delete the bucket and its key. Without it, `destroy` deletes the models too. Default:
    it refuses."""
    labels: NotRequired[Mapping[str, str]]
    """On every resource that can have some. Default: none."""


class GcsModelStore(pulumi.ComponentResource):
    """A bucket for weights: private for good, versioned, encrypted with a key of its own.

    What was overwritten or deleted can be had back for 30 days.
    """

    bucket_name: pulumi.Output[str]
    uri: pulumi.Output[str]
    """`gs://name`, under which an engine finds its model. It knows when the readers may read."""
    kms_key_id: pulumi.Output[str]

    def __init__(self, name: str, args: GcsModelStoreArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("moorage:index:GcsModelStore", name, dict(args), opts)
        check_name(name)
        known = {key: value for key, value in args.items() if key not in _CREATED_ELSEWHERE}
        self._name, self._spec = name, parse(GuardedSpec, known, "")
        self.kms_key_id = self._create_key()
        bucket = self._create_bucket()
        readers = self._create_readers(bucket, args.get("readers", {}))
        self.bucket_name = bucket.name
        self.uri = pulumi.Output.all(bucket.url, *(reader.id for reader in readers)).apply(lambda known: known[0])
        self.register_outputs({"bucket_name": self.bucket_name, "uri": self.uri, "kms_key_id": self.kms_key_id})

    def _create_key(self) -> pulumi.Output[str]:
        return create_key(self._name, self._spec, ("storage",), pulumi.ResourceOptions(parent=self))

    def _create_bucket(self) -> storage.Bucket:
        spec = self._spec
        return storage.Bucket(
            f"{self._name}-bucket",
            project=spec.project,
            location=spec.region,
            uniform_bucket_level_access=True,
            public_access_prevention="enforced",
            encryption={"default_kms_key_name": self.kms_key_id},
            versioning={"enabled": True},
            soft_delete_policy={"retention_duration_seconds": _SOFT_DELETE_SECONDS},
            lifecycle_rules=[
                {
                    "action": {"type": "Delete"},
                    "condition": {"days_since_noncurrent_time": NONCURRENT_VERSION_DAYS, "with_state": "ARCHIVED"},
                },
                {
                    "action": {"type": "AbortIncompleteMultipartUpload"},
                    "condition": {"age": _INCOMPLETE_UPLOAD_DAYS},
                },
            ],
            force_destroy=not spec.deletion_protection,
            labels=spec.labels,
            opts=pulumi.ResourceOptions(parent=self, protect=spec.deletion_protection),
        )

    def _create_readers(
        self, bucket: storage.Bucket, readers: Mapping[str, pulumi.Input[str]]
    ) -> list[storage.BucketIAMMember]:
        return [
            storage.BucketIAMMember(
                f"{self._name}-reader-{reader}",
                bucket=bucket.name,
                role=_READ,
                member=pulumi.Output.concat("serviceAccount:", email),
                opts=pulumi.ResourceOptions(parent=self),
            )
            for reader, email in readers.items()
        ]
