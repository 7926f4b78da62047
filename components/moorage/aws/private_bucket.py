"""What every bucket of ours is: private, encrypted, and with a policy of its own."""

from collections.abc import Mapping

import pulumi
from pulumi_aws import s3

from moorage.aws.policy import Statement, policy_document
from moorage.aws.tags import named


def create_expiring_bucket(
    name: str,
    *,
    days: int,
    key_arn: pulumi.Input[str],
    deletion_protection: bool,
    tags: Mapping[str, str],
    opts: pulumi.ResourceOptions,
    unfinished_upload_days: int | None = None,
) -> s3.Bucket:
    """A private bucket that forgets objects after so many days, and refuses whoever comes without TLS.

    Args:
        deletion_protection: whether Pulumi refuses to delete it; without, `destroy` deletes its objects too.
        unfinished_upload_days: after which parts go whose upload was never finished. Default: never.
    """
    bucket = s3.Bucket(
        name,
        force_destroy=not deletion_protection,
        tags=named(name, tags),
        opts=pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(protect=deletion_protection)),
    )
    expire_objects(name, bucket, days, opts, unfinished_upload_days)
    make_private(
        name, bucket, key_arn=key_arn, policy_name=f"{name}-tls", policy=bucket.arn.apply(tls_policy), opts=opts
    )
    return bucket


def expire_objects(
    name: str, bucket: s3.Bucket, days: int, opts: pulumi.ResourceOptions, unfinished_upload_days: int | None = None
) -> None:
    """As `create_expiring_bucket` says."""
    rule: s3.BucketLifecycleConfigurationRuleArgsDict = {
        "id": "old",
        "status": "Enabled",
        "filter": {"prefix": ""},
        "expiration": {"days": days},
    }
    if unfinished_upload_days is not None:
        rule["abort_incomplete_multipart_upload"] = {"days_after_initiation": unfinished_upload_days}
    s3.BucketLifecycleConfiguration(f"{name}-expiry", bucket=bucket.id, rules=[rule], opts=opts)


def make_private(
    name: str,
    bucket: s3.Bucket,
    *,
    key_arn: pulumi.Input[str] | None,
    policy_name: str,
    policy: pulumi.Input[str],
    opts: pulumi.ResourceOptions,
) -> s3.BucketPolicy:
    """Nobody outside of the account reads it, and inside only whom IAM and `policy` let.

    Args:
        name: what its other children's names begin with.
        key_arn: what objects are encrypted with; None: S3's own key.
    """
    s3.BucketOwnershipControls(
        f"{name}-ownership", bucket=bucket.id, rule={"object_ownership": "BucketOwnerEnforced"}, opts=opts
    )
    private = s3.BucketPublicAccessBlock(
        f"{name}-private",
        bucket=bucket.id,
        block_public_acls=True,
        block_public_policy=True,
        ignore_public_acls=True,
        restrict_public_buckets=True,
        opts=opts,
    )
    s3.BucketServerSideEncryptionConfiguration(
        f"{name}-encryption", bucket=bucket.id, rules=[_encryption(key_arn)], opts=opts
    )
    return s3.BucketPolicy(
        policy_name,
        bucket=bucket.id,
        policy=policy,
        # The two are changes of one thing, which S3 refuses at one time.
        opts=pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(depends_on=[private])),
    )


def _encryption(key_arn: pulumi.Input[str] | None) -> s3.BucketServerSideEncryptionConfigurationRuleArgsDict:
    if key_arn is None:
        return {"apply_server_side_encryption_by_default": {"sse_algorithm": "AES256"}}
    return {
        "apply_server_side_encryption_by_default": {"sse_algorithm": "aws:kms", "kms_master_key_id": key_arn},
        # One request to KMS for many objects, in place of one for each.
        "bucket_key_enabled": True,
    }


def tls_policy(bucket_arn: str) -> str:
    """Whoever comes without TLS, or with an old one, is refused whatever else he may."""
    resources = (bucket_arn, f"{bucket_arn}/*")

    def deny(sid: str, kind: str, key: str, value: str) -> Statement:
        return Statement(
            Sid=sid, Effect="Deny", Principal="*", Action=["s3:*"], Resource=resources, Condition={kind: {key: value}}
        )

    return policy_document(
        deny("TlsOnly", "Bool", "aws:SecureTransport", "false"),
        deny("NoOldTls", "NumericLessThan", "s3:TlsVersion", "1.2"),
    )
