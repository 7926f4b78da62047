"""`cloud: aws`: a network, an EKS cluster and a pool of GPU nodes of its own."""

from typing import TYPE_CHECKING, cast

import pulumi
import pulumi_aws
import pulumi_kubernetes

from aws_configuration import KEYS_OF_AWS
from aws_gpu_quotas import gpu_warnings
from aws_model import folders_of, read_policy
from aws_monitoring import budget_aws
from aws_network import create_network
from cluster_stack import ENGINE_SERVICE_ACCOUNT, ClusterParts, build_cluster_stack
from file_keys import as_in_the_file
from moorage.aws.cluster import EksCluster, EksClusterArgs
from moorage.aws.cluster_spec import CLUSTER_NAME, MAX_CLUSTER_NAME_LENGTH
from moorage.aws.gpu_pool import EksGpuPool, EksPoolRungArgs
from moorage.aws.gpu_pool_spec import launched_by_auto_mode
from moorage.aws.identity import EksWorkloadIdentity, EksWorkloadIdentityArgs
from moorage.aws.network import AwsNetwork
from moorage.aws.network_policy_controller import EksNetworkPolicyController
from outputs import StackOutputs
from pool import cost_of, drain_seconds, ladder_of, max_gpus, rungs_of, spot_warnings
from settings import Settings
from stack_dimension import distinct_name, stack_dimension

if TYPE_CHECKING:
    from aws_configuration import AwsSettings
    from aws_failover import Failover

_ENDPOINTS = ("ecr.api", "ecr.dkr", "logs", "sts")


def build_aws_always_on(settings: Settings) -> StackOutputs:
    """Raises `moorage.spec.SpecError` for what cannot be served."""
    configuration = settings.configuration
    aws = cast("AwsSettings", configuration.aws)
    ladder = ladder_of(configuration, "aws", aws.region, is_launched=launched_by_auto_mode)
    engines = max_gpus(configuration, ladder) // ladder.parallelism.devices
    quotas = gpu_warnings(ladder, engines * ladder.parallelism.pipeline_parallel_size)
    for warning in (*spot_warnings(ladder), *quotas):
        pulumi.log.warn(warning)
    outside = pulumi.ResourceOptions(provider=pulumi_aws.Provider("aws", region=aws.region))
    network = create_network(aws, _ENDPOINTS, outside)
    with as_in_the_file(KEYS_OF_AWS):
        cluster = EksCluster("cluster", _cluster_args(settings, aws, network), outside)
    provider = pulumi_kubernetes.Provider("inside", kubeconfig=cluster.kubeconfig, cluster_identifier=cluster.arn)
    inside = pulumi.ResourceOptions(provider=provider)
    denials = EksNetworkPolicyController("network-policy-controller", {}, inside)
    pool = EksGpuPool(
        "gpu",
        {
            "rungs": cast("list[EksPoolRungArgs]", rungs_of(ladder)),
            "max_gpus": max_gpus(configuration, ladder),
            "drain_seconds": drain_seconds(configuration),
            "subnet_ids": network.private_subnet_ids,
            "security_group_id": cluster.security_group_id,
            "node_role_name": cluster.node_role_name,
            "key_arn": cluster.key_arn,
            "tags": aws.tags,
        },
        inside,
    )
    failover = _failover(settings, network, cluster, outside)
    estimated_cost = cost_of(configuration, ladder, "aws")
    budget_aws(settings, network.account_id, estimated_cost, outside)
    parts = ClusterParts(
        platform="eks",
        placement=pool.placement,
        parallelism=ladder.parallelism,
        gpu_memory_gib=ladder.gpu_memory_gib,
        opts=inside,
        estimated_cost=estimated_cost,
        needs=(denials, pool, *_identity(settings, aws, cluster, outside), *(failover.needs if failover else ())),
        dns_addresses=(cluster.dns_address,),
        service_account_annotations={},
        further_upstreams=(failover.upstream,) if failover else (),
        gateway_destinations=failover.destinations if failover else (),
    )
    return build_cluster_stack(settings, parts)


def _failover(
    settings: Settings, network: AwsNetwork, cluster: EksCluster, opts: pulumi.ResourceOptions
) -> "Failover | None":
    """Imports what is for SageMaker only where it is needed."""
    if settings.configuration.failover is None:
        return None
    from aws_failover import build_failover

    return build_failover(settings, settings.configuration.failover, network, cluster, opts)


def _cluster_args(settings: Settings, aws: "AwsSettings", network: AwsNetwork) -> EksClusterArgs:
    args: EksClusterArgs = {
        "region": aws.region,
        # No other stack's in the account and region.
        "cluster_name": distinct_name(stack_dimension(settings), CLUSTER_NAME, MAX_CLUSTER_NAME_LENGTH),
        "account_id": network.account_id,
        "subnet_ids": network.private_subnet_ids,
        "administrators": aws.administrators,
        "deletion_protection": aws.deletion_protection,
        "tags": aws.tags,
    }
    if aws.public_access_cidrs is not None:
        args["public_access_cidrs"] = aws.public_access_cidrs
    return args


def _identity(
    settings: Settings, aws: "AwsSettings", cluster: EksCluster, opts: pulumi.ResourceOptions
) -> tuple[EksWorkloadIdentity, ...]:
    """Where the model is in a bucket: the engines may read it, and nothing else."""
    folders = folders_of(settings.configuration.model)
    if not folders:
        return ()
    args: EksWorkloadIdentityArgs = {
        "cluster_name": cluster.name,
        "cluster_arn": cluster.arn,
        "namespace": settings.configuration.cluster.namespace,
        "service_account": ENGINE_SERVICE_ACCOUNT,
        "policy": read_policy(folders, aws.region, aws.model_key_arn),
        "tags": aws.tags,
    }
    return (EksWorkloadIdentity("engine-identity", args, opts),)
