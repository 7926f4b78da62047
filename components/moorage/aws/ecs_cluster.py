"""A cluster of Amazon ECS."""

from collections.abc import Mapping
from typing import NotRequired, TypedDict

import pulumi
from pulumi_aws import cloudwatch, ecs
from pydantic import BaseModel, ConfigDict

from moorage.aws.account import Account, account_of
from moorage.aws.encryption_key import create_key, key_policy, used_by_log_group
from moorage.aws.log_retention import RetentionDays
from moorage.aws.names import check_name
from moorage.aws.policy import Statement
from moorage.aws.region import Region
from moorage.aws.tags import Tags, named
from moorage.spec.parsing import parse

# docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Container-Insights-reference-performance-logs-ECS.html (read
# 2026-11-25): the log group of a cluster.
_MEASUREMENTS = "/aws/ecs/containerinsights/{0}/performance"


class EcsClusterArgs(TypedDict):
    """Where it is."""

    region: str
    """Such as `eu-central-1`."""
    account_id: pulumi.Input[str]
    """Whose it is, as `AwsNetwork` gives it."""
    log_retention_days: NotRequired[int]
    """Of what Container Insights measures each minute, as lines of a log. Default: 30."""
    tags: NotRequired[Mapping[str, str]]
    """On every resource. Default: none."""


class EcsCluster(pulumi.ComponentResource):
    """An ECS cluster whose name is the component's with AWS's ending: measured, the disks of its tasks encrypted."""

    cluster_name: pulumi.Output[str]
    """Known once there is a log group for its measurements: ECS would make one that is neither encrypted nor ended."""
    cluster_arn: pulumi.Output[str]

    def __init__(self, name: str, args: EcsClusterArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Raises `moorage.spec.SpecError` for a name, region or tags that AWS would refuse."""
        super().__init__("moorage:index:EcsCluster", name, dict(args), opts)
        check_name(name)
        spec = parse(_ClusterSpec, {key: value for key, value in args.items() if key != "account_id"}, "")
        child = pulumi.ResourceOptions(parent=self)
        cluster_name = f"{name}-cluster"
        key = create_key(
            f"{name}-key",
            description=f"Disks of the tasks of cluster {name}, and its measurements",
            # AWS ends the cluster's name.
            policy=account_of(spec.region, args["account_id"]).apply(
                lambda account: _key_policy(account, spec.region, f"{cluster_name}-*")
            ),
            tags=spec.tags,
            opts=child,
        )
        cluster = ecs.Cluster(
            cluster_name,
            # docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Container-Insights-enhanced-observability-
            # metrics-ECS.html (read 2026-11-25)
            settings=[{"name": "containerInsights", "value": "enhanced"}],
            configuration={"managed_storage_configuration": {"fargate_ephemeral_storage_kms_key_id": key.arn}},
            tags=named(cluster_name, spec.tags),
            opts=child,
        )
        measurements = cloudwatch.LogGroup(
            f"{name}-measurements",
            name=pulumi.Output.format(_MEASUREMENTS, cluster.name),
            retention_in_days=spec.log_retention_days,
            kms_key_id=key.arn,
            tags=named(f"{name}-measurements", spec.tags),
            opts=child,
        )
        self.cluster_name = pulumi.Output.all(cluster.name, measurements.id).apply(lambda known: known[0])
        self.cluster_arn = cluster.arn
        self.register_outputs({"cluster_name": self.cluster_name, "cluster_arn": self.cluster_arn})


class _ClusterSpec(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    region: Region
    log_retention_days: RetentionDays = 30
    tags: Tags = {}


def _key_policy(account: Account, region: str, clusters: str) -> str:
    """For disks of tasks: docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-create-storage-key.html (read
    2026-11-25)."""
    of_the_cluster = {
        "StringEquals": {"kms:EncryptionContext:aws:ecs:clusterAccount": account.account_id},
        "StringLike": {"kms:EncryptionContext:aws:ecs:clusterName": clusters},
    }
    fargate = {"Service": "fargate.amazonaws.com"}
    generate = Statement(
        Sid="FargateKeys",
        Effect="Allow",
        Principal=fargate,
        Action=["kms:GenerateDataKeyWithoutPlaintext"],
        Resource="*",
        Condition=of_the_cluster,
    )
    grant = Statement(
        Sid="FargateGrants",
        Effect="Allow",
        Principal=fargate,
        Action=["kms:CreateGrant"],
        Resource="*",
        Condition={**of_the_cluster, "ForAllValues:StringEquals": {"kms:GrantOperations": ["Decrypt"]}},
    )
    return key_policy(account, used_by_log_group(account, region, _MEASUREMENTS.format(clusters)), generate, grant)
