"""Valkey on ElastiCache Serverless, and the one user that it has."""

from collections.abc import Mapping, Sequence

import pulumi
from pulumi_aws import ec2, elasticache, kms

from moorage.aws.tags import named

COMMANDS = (
    *("del", "eval", "evalsha", "exists", "expire", "get", "hdel", "hget", "hincrby", "hmget", "hrandfield", "hset"),
    *("hexists", "hsetnx", "mget", "pexpire", "pexpireat", "ping", "publish", "set", "subscribe", "time", "type"),
    *("unlink", "zadd", "zcard", "zrange", "zrangebyscore", "zrem", "zremrangebyscore"),
)
"""What the gateway sends, and what its scripts call."""
ACCESS_STRING = f"on ~moorage:* &* -@all {' '.join(f'+{command}' for command in COMMANDS)}"
"""All channels, as ElastiCache has it by itself: narrower ones begin with `resetchannels`, which it does not give back,
so that each `pulumi up` would set them again."""
_ENGINE = "valkey"


def create_serverless_cache(
    name: str,
    *,
    major_engine_version: str,
    max_data_storage_gb: int,
    subnet_ids: pulumi.Input[Sequence[str]],
    security_group: ec2.SecurityGroup,
    key: kms.Key,
    password: pulumi.Output[str],
    snapshot_retention_days: int,
    tags: Mapping[str, str],
    opts: pulumi.ResourceOptions,
) -> elasticache.ServerlessCache:
    """Nobody gets in but the user `default` with the password, for the keys and commands of a gateway.

    ElastiCache Serverless has no AUTH token, but users alone (docs.aws.amazon.com/AmazonElastiCache/latest/dg/
    Clusters.RBAC.html, read 2026-11-26), and TLS always.
    """
    short = f"{name}-s"
    return elasticache.ServerlessCache(
        short,
        description=f"Moorage {name}",
        engine=_ENGINE,
        major_engine_version=major_engine_version,
        cache_usage_limits={"data_storage": {"maximum": max_data_storage_gb, "unit": "GB"}},
        subnet_ids=subnet_ids,
        security_group_ids=[security_group.id],
        kms_key_id=key.arn,
        user_group_id=_create_user_group(name, security_group.id, password, tags, opts).user_group_id,
        snapshot_retention_limit=snapshot_retention_days,
        tags=named(short, tags),
        opts=opts,
    )


def _create_user_group(
    name: str,
    unique: pulumi.Output[str],
    password: pulumi.Output[str],
    tags: Mapping[str, str],
    opts: pulumi.ResourceOptions,
) -> elasticache.UserGroup:
    """Their ids, of which the account has each once, are made of `unique`: Pulumi makes up none."""
    user = elasticache.User(
        f"{name}-user",
        user_id=pulumi.Output.concat("gateway-", unique),
        # Redis' groups need a user of this name; there is no other that could be let in without a password.
        user_name="default",
        engine=_ENGINE,
        access_string=ACCESS_STRING,
        passwords=[password],
        tags=named(f"{name}-user", tags),
        opts=opts,
    )
    return elasticache.UserGroup(
        f"{name}-users",
        user_group_id=pulumi.Output.concat("gateways-", unique),
        engine=_ENGINE,
        user_ids=[user.user_id],
        tags=named(f"{name}-users", tags),
        opts=opts,
    )
