"""A cluster of Amazon ECS."""

from collections.abc import Mapping
from typing import NotRequired, TypedDict

import pulumi
from pulumi_aws import ecs
from pydantic import BaseModel, ConfigDict

from moorage.aws.account import Account, account_of
from moorage.aws.encryption_key import create_key, key_policy
from moorage.aws.names import check_name
from moorage.aws.policy import Statement
from moorage.aws.region import Region
from moorage.aws.tags import Tags, named
from moorage.spec.parsing import parse


class EcsClusterArgs(TypedDict):
    """Where it is."""

    region: str
    """Such as `eu-central-1`."""
    account_id: pulumi.Input[str]
    """Whose it is, as `AwsNetwork` gives it."""
    tags: NotRequired[Mapping[str, str]]
    """On every resource. Default: none."""


class EcsCluster(pulumi.ComponentResource):
    """An ECS cluster whose name is the component's with AWS's ending: measured, the disks of its tasks encrypted."""

    cluster_name: pulumi.Output[str]
    cluster_arn: pulumi.Output[str]

    def __init__(self, name: str, args: EcsClusterArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Raises `moorage.spec.SpecError` for a name, region or tags that AWS would refuse."""
        super().__init__("moorage:index:EcsCluster", name, dict(args), opts)
        check_name(name)
        spec = parse(_ClusterSpec, {key: value for key, value in args.items() if key != "account_id"}, "")
        child = pulumi.ResourceOptions(parent=self)
        key = create_key(
            f"{name}-key",
            description=f"Disks of the tasks of cluster {name}",
            policy=account_of(spec.region, args["account_id"]).apply(_key_policy),
            tags=spec.tags,
            opts=child,
        )
        cluster = ecs.Cluster(
            f"{name}-cluster",
            # docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Container-Insights-enhanced-observability-
            # metrics-ECS.html (read 2026-11-25)
            settings=[{"name": "containerInsights", "value": "enhanced"}],
            configuration={"managed_storage_configuration": {"fargate_ephemeral_storage_kms_key_id": key.arn}},
            tags=named(f"{name}-cluster", spec.tags),
            opts=child,
        )
        self.cluster_name, self.cluster_arn = cluster.name, cluster.arn
        self.register_outputs({"cluster_name": self.cluster_name, "cluster_arn": self.cluster_arn})


class _ClusterSpec(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    region: Region
    tags: Tags = {}


def _key_policy(account: Account) -> str:
    """docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-create-storage-key.html (read 2026-11-25), for every
    cluster of the account: this one's name is not known before the key is."""
    of_the_account = {"StringEquals": {"kms:EncryptionContext:aws:ecs:clusterAccount": account.account_id}}
    fargate = {"Service": "fargate.amazonaws.com"}
    generate = Statement(
        Sid="FargateKeys",
        Effect="Allow",
        Principal=fargate,
        Action=["kms:GenerateDataKeyWithoutPlaintext"],
        Resource="*",
        Condition=of_the_account,
    )
    grant = Statement(
        Sid="FargateGrants",
        Effect="Allow",
        Principal=fargate,
        Action=["kms:CreateGrant"],
        Resource="*",
        Condition={**of_the_account, "ForAllValues:StringEquals": {"kms:GrantOperations": ["Decrypt"]}},
    )
    return key_policy(account, generate, grant)
