"""Engines in another region, for when a stack's own do not answer."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import pulumi
import pulumi_aws

from aws_endpoint import sagemaker_args
from cluster_stack import GATEWAY_SERVICE_ACCOUNT
from moorage.aws.cluster import EksCluster
from moorage.aws.identity import EksWorkloadIdentity
from moorage.aws.managed import SagemakerVllm
from moorage.aws.managed_spec import is_offered
from moorage.aws.network import AwsNetwork
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
    ladder = ladder_of(settings.configuration, "aws", wanted.region, is_launched=is_offered)
    args = sagemaker_args(settings, ladder, region=wanted.region, account_id=network.account_id, name=_NAME)
    args["model"] = cast("ModelArgs", {**args["model"], "source": wanted.source})
    args["min_instances"] = wanted.min_instances
    args["max_instances"] = wanted.max_instances or wanted.min_instances
    if wanted.model_key_arn is not None:
        args["model_key_arn"] = wanted.model_key_arn
    return args
