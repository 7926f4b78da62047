"""What every bucket of ours is: private, encrypted, and with a policy of its own."""

import pulumi
from pulumi_aws import s3


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
