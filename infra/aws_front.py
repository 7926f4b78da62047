"""What stacks on AWS without a Kubernetes cluster have around their engines: a network, gateways, a cache, alarms."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, cast

import pulumi
import pulumi_aws

from aws_configuration import KEYS_OF_AWS
from aws_edge import build_edge
from aws_jobs import Jobs, check_jobs, create_jobs, jobs_outputs, watched_queue
from aws_monitoring import WatchedStack, monitor_aws, with_cloudwatch_metrics
from aws_network import create_network
from aws_region import check_region
from file_keys import as_in_the_file
from images import image_of
from moorage.aws.cache import PORT, ElastiCacheValkey, ElastiCacheValkeyArgs
from moorage.aws.ecs_cluster import EcsCluster
from moorage.aws.gateway import FargateGateway, FargateGatewayArgs
from moorage.aws.load_balancer import LoadBalancerExposureArgs, StreamLoadBalancer, StreamLoadBalancerArgs
from moorage.aws.monitoring_subjects import MonitoredPartsArgs
from moorage.aws.network import AwsNetwork
from moorage.aws.rotated_key import RotatedKey
from moorage.aws.security_group import WorkloadSecurityGroup, let_out
from moorage.spec.gateway_document import Upstream
from moorage.spec.gateway_settings import GatewaySettings
from outputs import StackOutputs, try_it
from settings import Settings

if TYPE_CHECKING:
    from aws_configuration import AwsSettings
    from moorage.spec.arguments import ServiceLevelArgs

ENDPOINTS = ("ecr.api", "ecr.dkr", "logs", "secretsmanager", "sts")
"""What tasks call."""
_KEYS = {
    **KEYS_OF_AWS,
    "exposure": "load_balancer",
    "image": "images.gateway",
    "settings": "gateway.settings",
    "tenant": "gateway.tenant",
}
"""Where a stack's file has the arguments, if not under the same name."""
_QUESTION = "Hello, who are you?"


@dataclass(frozen=True)
class Ground:
    """What is there before the engines."""

    aws: "AwsSettings"
    opts: pulumi.ResourceOptions
    """With the region's provider."""
    network: AwsNetwork
    cluster: EcsCluster
    clients: WorkloadSecurityGroup
    """Of the gateways, which engines let in."""


@dataclass(frozen=True)
class Engines:
    """What a builder has put behind the gateways."""

    platform: str
    model: str
    revision: str
    upstreams: Sequence[pulumi.Output[Upstream]]
    """In the order in which they are tried."""
    names: Sequence[str]
    """Of the upstreams."""
    estimated_cost: dict[str, float | str]
    policies: Sequence[pulumi.Input[str]] = ()
    """What the gateways need to call them."""
    parts: MonitoredPartsArgs | None = None
    """What else is watched."""
    scales_to_zero: bool = False


class _Around(NamedTuple):
    """What gateways have around them."""

    settings: GatewaySettings
    cache: ElastiCacheValkey
    balancer: StreamLoadBalancer
    rotated: RotatedKey | None
    jobs: Jobs | None


def build_ground(settings: Settings, endpoints: Sequence[str] = ENDPOINTS) -> Ground:
    """`endpoints`: the services that are called, for those who want them without the NAT gateway."""
    aws = cast("AwsSettings", settings.configuration.aws)
    check_region(aws.region)
    called = (*endpoints, "sqs") if settings.configuration.jobs is not None else endpoints
    opts = pulumi.ResourceOptions(provider=pulumi_aws.Provider("aws", region=aws.region))
    network = create_network(aws, called, opts)
    cluster = EcsCluster("cluster", {"region": aws.region, "account_id": network.account_id, "tags": aws.tags}, opts)
    clients = WorkloadSecurityGroup("gateway-tasks", {"vpc_id": network.vpc_id, "tags": aws.tags}, opts)
    return Ground(aws, opts, network, cluster, clients)


def build_front(settings: Settings, ground: Ground, engines: Engines) -> StackOutputs:
    """Gateways before the engines. Raises `moorage.spec.SpecError` for what Fargate would not run."""
    check_jobs(settings.configuration)
    gateway_settings = with_cloudwatch_metrics(settings)
    cache = _create_cache(ground, gateway_settings)
    rotated = _create_rotated_key(ground)
    with as_in_the_file(_KEYS):
        balancer = StreamLoadBalancer("balancer", _balancer_args(settings, ground, gateway_settings), ground.opts)
        jobs = create_jobs(settings, ground, balancer)
        around = _Around(gateway_settings, cache, balancer, rotated, jobs)
        gateway = FargateGateway("gateway", _gateway_args(settings, ground, engines, around), ground.opts)
    monitoring = monitor_aws(settings, _watched(ground, engines, around, gateway), ground.opts)
    region = ground.aws.region
    endpoint_url = gateway.endpoint_url
    api_key = gateway.api_key if rotated is None else _current(rotated, ground)
    signing_secret = None
    if settings.configuration.edge is not None:
        edge = build_edge(settings, balancer, ground.network, api_key, ground.opts)
        endpoint_url, api_key, signing_secret = edge.endpoint_url, edge.signed_api_key, edge.signing_secret
    return StackOutputs(
        endpoint_url=endpoint_url,
        api_key=api_key,
        model=engines.model,
        revision=engines.revision,
        option=settings.configuration.option,
        platform=engines.platform,
        dashboard_url=monitoring.dashboard_url,
        estimated_cost=engines.estimated_cost,
        upstreams=list(engines.upstreams),
        log_directory=pulumi.Output.concat("aws logs tail ", gateway.log_group_name, f" --region {region}"),
        try_it=try_it(settings.stack, endpoint_url, engines.model, _QUESTION),
        signing_secret=signing_secret,
        jobs=None if jobs is None else jobs_outputs(jobs.queue, region, engines.model, _QUESTION),
    )


def _create_cache(ground: Ground, gateway_settings: GatewaySettings) -> ElastiCacheValkey:
    args: ElastiCacheValkeyArgs = {
        "vpc_id": ground.network.vpc_id,
        "subnet_ids": ground.network.private_subnet_ids,
        "client_security_group_ids": [ground.clients.security_group_id],
        "settings": gateway_settings,
        "serverless": ground.aws.serverless_cache,
        "tags": ground.aws.tags,
    }
    if not ground.aws.serverless_cache:
        args["replicas"] = len(ground.aws.availability_zones) - 1
    cache = ElastiCacheValkey("cache", args, ground.opts)
    let_out(
        "gateway-to-cache",
        client=ground.clients.security_group_id,
        server=cache.security_group_id,
        port=PORT,
        description="From the gateways to the cache",
        tags=ground.aws.tags,
        opts=ground.opts,
    )
    return cache


def _balancer_args(settings: Settings, ground: Ground, gateway_settings: GatewaySettings) -> StreamLoadBalancerArgs:
    exposure, network = settings.configuration.load_balancer, ground.network
    return {
        "region": ground.aws.region,
        "account_id": network.account_id,
        "vpc_id": network.vpc_id,
        "vpc_cidr_block": network.vpc_cidr_block,
        "subnet_ids": network.public_subnet_ids if exposure.public else network.private_subnet_ids,
        "target_security_group_id": ground.clients.security_group_id,
        "exposure": cast("LoadBalancerExposureArgs", exposure.model_dump(exclude_unset=True)),
        "settings": gateway_settings,
        "service_level": _service_level(settings),
        "deletion_protection": ground.aws.deletion_protection,
        "tags": ground.aws.tags,
    }


def _create_rotated_key(ground: Ground) -> RotatedKey | None:
    days = ground.aws.key_rotation_days
    if days is None:
        return None
    return RotatedKey(
        "gateway-key",
        {
            "region": ground.aws.region,
            "account_id": ground.network.account_id,
            "rotation_days": days,
            "tags": ground.aws.tags,
        },
        ground.opts,
    )


def _current(rotated: RotatedKey, ground: Ground) -> pulumi.Output[str]:
    """As it is at this update: by the next one it may be another."""
    version = pulumi_aws.secretsmanager.get_secret_version_output(
        secret_id=rotated.secret_arn,
        opts=pulumi.InvokeOutputOptions(provider=ground.opts.provider, depends_on=[rotated]),
    )
    return pulumi.Output.secret(version.secret_string)


def _gateway_args(
    settings: Settings,
    ground: Ground,
    engines: Engines,
    around: _Around,
) -> FargateGatewayArgs:
    chosen, (gateway_settings, cache, balancer, rotated, jobs) = settings.configuration.gateway, around
    args: FargateGatewayArgs = {
        "region": ground.aws.region,
        "account_id": ground.network.account_id,
        "cluster_name": ground.cluster.cluster_name,
        "subnet_ids": ground.network.private_subnet_ids,
        "security_group_id": ground.clients.security_group_id,
        "target_group_arn": balancer.target_group_arn,
        "address": balancer.address,
        "image": image_of(settings.configuration, "gateway"),
        "upstreams": engines.upstreams,
        "authentication": chosen.authentication,
        "policies": [*engines.policies, *([] if rotated is None else [rotated.read_policy])],
        "redis_url": cache.url,
        "settings": gateway_settings,
        "service_level": _service_level(settings),
        "tags": ground.aws.tags,
    }
    if chosen.tenant is not None:
        args["tenant"] = chosen.tenant
    if rotated is not None:
        args["rotated_key_arn"] = rotated.secret_arn
    if jobs is not None and chosen.authentication == "api_keys":
        args["keys"] = [jobs.worker.gateway_key]
    return args


def _service_level(settings: Settings) -> "ServiceLevelArgs":
    return cast("ServiceLevelArgs", settings.given.get("service_level", {}))


def _watched(ground: Ground, engines: Engines, around: _Around, gateway: FargateGateway) -> WatchedStack:
    balancer, jobs = around.balancer, around.jobs
    parts: Mapping[str, object] = {
        **(engines.parts or {}),
        "load_balancer": {
            "load_balancer_arn_suffix": balancer.load_balancer_arn_suffix,
            "target_group_arn_suffix": balancer.target_group_arn_suffix,
        },
        "has_cache": True,
        "services": [
            {"cluster_name": ground.cluster.cluster_name, "service_name": gateway.service_name},
            *(engines.parts or {}).get("services", []),
        ],
    }
    if jobs is not None:
        workers = {"cluster_name": ground.cluster.cluster_name, "service_name": jobs.worker.service_name}
        parts = {
            **parts,
            **watched_queue(jobs.queue),
            "services": [*cast("list[object]", parts["services"]), workers],
        }
    return WatchedStack(
        account_id=ground.network.account_id,
        upstreams=engines.names,
        estimated_cost=engines.estimated_cost,
        parts=cast("MonitoredPartsArgs", parts),
        scales_to_zero=engines.scales_to_zero,
    )
