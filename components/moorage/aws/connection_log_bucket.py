"""Where a load balancer writes down who has connected."""

from collections.abc import Mapping

import pulumi
from pulumi_aws import s3

from moorage.aws.account import Account, account_of
from moorage.aws.policy import Statement, merged, policy_document
from moorage.aws.private_bucket import expire_objects, make_private, tls_policy
from moorage.aws.tags import named

EXPIRY_DAYS = 90


def create_connection_log_bucket(
    name: str, region: str, account_id: pulumi.Input[str], tags: Mapping[str, str], opts: pulumi.ResourceOptions
) -> tuple[s3.Bucket, s3.BucketPolicy]:
    """A private bucket, and what has to be there before the balancer may write to it.

    Encrypted with S3's own key, for the balancer can use no other (docs.aws.amazon.com/elasticloadbalancing/latest/
    application/enable-connection-logging.html, read 2026-11-25).
    """
    bucket = s3.Bucket(name, force_destroy=True, tags=named(name, tags), opts=opts)
    expire_objects(name, bucket, EXPIRY_DAYS, opts)
    policy = make_private(
        name,
        bucket,
        key_arn=None,
        policy_name=f"{name}-policy",
        policy=pulumi.Output.all(bucket.arn, account_of(region, account_id)).apply(
            lambda known: _policy(known[0], region, Account(*known[1]))
        ),
        opts=opts,
    )
    return bucket, policy


def _policy(bucket_arn: str, region: str, account: Account) -> str:
    """For the balancers of this account and region alone (docs.aws.amazon.com/elasticloadbalancing/latest/application/
    enable-connection-logging.html, read 2026-11-25)."""
    deliver = Statement(
        Sid="Deliver",
        Effect="Allow",
        Principal={"Service": "logdelivery.elasticloadbalancing.amazonaws.com"},
        Action=["s3:PutObject"],
        Resource=[f"{bucket_arn}/AWSLogs/{account.account_id}/*"],
        Condition={"ArnLike": {"aws:SourceArn": account.arn("elasticloadbalancing", region, "loadbalancer/*")}},
    )
    return merged(tls_policy(bucket_arn), policy_document(deliver))
