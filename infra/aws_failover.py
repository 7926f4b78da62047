"""Engines in another region, for when a stack's own do not answer."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import pulumi
import pulumi_aws

from aws_endpoint import quota_warning, sagemaker_args
from cluster_stack import GATEWAY_SERVICE_ACCOUNT
from file_keys import as_in_the_file
from moorage.aws.cluster import EksCluster
from moorage.aws.identity import EksWorkloadIdentity
from moorage.aws.managed import SagemakerVllm
from moorage.aws.managed_spec import is_offered
from moorage.aws.network import AwsNetwork
from moorage.planner.pool_ladder import PoolLadder
from moorage.spec import Problem, SpecError
from moorage.spec.gateway_document import Upstream
from pool import ladder_of
from settings import Settings

if TYPE_CHECKING:
    from aws_configuration import AwsSettings
    from failover_configuration import FailoverSettings
    from moorage.aws.managed import SagemakerVllmArgs
    from moorage.spec.arguments import ModelArgs

_NAME = "failover"
_KEYS = {
    "region": "failover.region",
    "aws": "failover",
    "source": "failover.source",
    "instance_type": "pool.instance_types",
    "facts": "model_facts",
}
"""Where a stack's file has an endpoint's arguments, if not under the same name."""
_POD_IDENTITY_AGENT = "http://169.254.170.23:80"
"""docs.aws.amazon.com/eks/latest/userguide/pod-id-agent-setup.html (read 2026-11-25)"""


@dataclass(frozen=True)
class Failover:
    """What a stack in a cluster has to know of it."""

    upstream: pulumi.Output[Upstream]
    needs: tuple[pulumi.Resource, ...]
    """The gateways' right to call it."""
    destinations: tuple[str, ...]
    """Where the gateways call it, and get their role."""


def build_failover(
    settings: Settings,
    wanted: "FailoverSettings",
    network: AwsNetwork,
    cluster: EksCluster,
    opts: pulumi.ResourceOptions,
) -> Failover:
    """Raises `moorage.spec.SpecError` for one in the stack's own region."""
    aws = cast("AwsSettings", settings.configuration.aws)
    if wanted.region == aws.region:
        raise SpecError([Problem("failover.region", f" = {wanted.region}: must be another one than aws.region")])
    there = pulumi.ResourceOptions(provider=pulumi_aws.Provider("aws-failover", region=wanted.region))
    with as_in_the_file(_KEYS):
        endpoint = SagemakerVllm(_NAME, _endpoint_args(settings, wanted, network), there)
    identity = EksWorkloadIdentity(
        "gateway-identity",
        {
            "cluster_name": cluster.name,
            "cluster_arn": cluster.arn,
            "namespace": settings.configuration.cluster.namespace,
            "service_account": GATEWAY_SERVICE_ACCOUNT,
            "policy": endpoint.invoke_policy,
            "tags": aws.tags,
        },
        opts,
    )
    runtime = f"https://runtime.sagemaker.{wanted.region}.amazonaws.com"
    return Failover(endpoint.upstream, (identity,), (runtime, _POD_IDENTITY_AGENT))


def _endpoint_args(settings: Settings, wanted: "FailoverSettings", network: AwsNetwork) -> "SagemakerVllmArgs":
    ladder = _ladder(settings, wanted.region)
    instances = wanted.max_instances or wanted.min_instances
    pulumi.log.warn(quota_warning(ladder, instances, wanted.region))
    args = sagemaker_args(settings, ladder, region=wanted.region, account_id=network.account_id, name=_NAME)
    args["model"] = cast("ModelArgs", {**args["model"], "source": wanted.source})
    args["min_instances"] = wanted.min_instances
    args["max_instances"] = instances
    if wanted.model_key_arn is not None:
        args["model_key_arn"] = wanted.model_key_arn
    return args


def _ladder(settings: Settings, region: str) -> PoolLadder:
    """The cheapest instances of SageMaker there, or those of the stack's own that it has.

    An endpoint's are on demand, each with all of a replica.
    """
    configuration = settings.configuration
    named = [name for name in configuration.pool.instance_types or () if is_offered(name)]
    own = {"instance_types": named or None, "capacity_types": ["on-demand"], "max_nodes": 1}
    pool = configuration.pool.model_copy(update=own)
    return ladder_of(configuration.model_copy(update={"pool": pool}), "aws", region, is_launched=is_offered)
