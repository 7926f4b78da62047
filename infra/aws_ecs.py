"""`cloud: aws` with `platform: ecs` or `fargate`: engines that are tasks of Amazon ECS, as their gateways are."""

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, cast

import pulumi

from aws_front import ENDPOINTS, Engines, Ground, build_front, build_ground
from aws_gpu_quotas import gpu_warnings
from aws_model import folders_of, read_policy
from configuration import Configuration
from file_keys import as_in_the_file
from images import image_of
from model_revision import revision_of
from moorage.aws.compute_quotas import FARGATE
from moorage.aws.container_service import EcsVllm, EcsVllmArgs
from moorage.aws.deployment_percents import deployment_percents
from moorage.aws.ecs_gpu_pool import EcsGpuPool, EcsPoolRungArgs
from moorage.aws.engine_service_spec import MOST_REPLICAS, FargateVllmSpec
from moorage.aws.fargate_prices import REFERENCE_REGION, usd_per_hour
from moorage.aws.fargate_vllm import FargateVllm, FargateVllmArgs
from moorage.kubernetes.vllm_spec import weights_gib_of
from moorage.planner.pool_ladder import PoolLadder
from moorage.spec import HubSource, ModelFacts, ModelSpec, Problem, SpecError
from moorage.spec.parsing import known_of, parse
from outputs import StackOutputs
from pool import cost_of, ladder_of, rungs_of
from settings import Settings
from stack_dimension import stack_dimension

if TYPE_CHECKING:
    from aws_configuration import AwsSettings

_ENGINE = "engine"
_SURGE = 1
_IMAGE_AND_WRITTEN_GIB = 100
_KEYS = {
    "facts": "model_facts",
    "image": "images.engine",
    "cpu": "fargate.cpu",
    "architecture": "fargate.architecture",
    "min_replicas": "replicas.min",
    "max_replicas": "replicas.max",
    "lora_rank": "engine.lora_rank",
}
"""Where a stack's file has an engine's arguments, if not under the same name."""


def build_aws_ecs(settings: Settings) -> StackOutputs:
    """Raises `moorage.spec.SpecError` for what cannot be served."""
    configuration = settings.configuration
    _check(configuration)
    aws = cast("AwsSettings", configuration.aws)
    ladder = ladder_of(configuration, "aws", aws.region)
    for warning in gpu_warnings(ladder, _max_instances(configuration)):
        pulumi.log.warn(warning)
    ground = build_ground(settings, endpoints=_endpoints())
    pool = _create_pool(configuration, ground, ladder)
    args: dict[str, object] = {
        **_common_args(settings, ground),
        "capacity_provider_name": pool.capacity_provider_name,
        "gpu_memory_gib": ladder.gpu_memory_gib,
        "tensor_parallel_size": ladder.parallelism.tensor_parallel_size,
        "has_spot": any(rung.capacity_type == "spot" for rung in ladder.rungs),
        "max_surge": _SURGE,
        "allow_downtime": configuration.engine.allow_downtime,
    }
    after_pool = pulumi.ResourceOptions.merge(ground.opts, pulumi.ResourceOptions(depends_on=[pool]))
    engine = EcsVllm(_ENGINE, cast("EcsVllmArgs", args), after_pool)
    return build_front(
        settings, ground, _engines("ecs", settings, ground, engine, cost_of(configuration, ladder, "aws"))
    )


def build_aws_fargate(settings: Settings) -> StackOutputs:
    """Raises `moorage.spec.SpecError` for a model that Fargate cannot hold, with the numbers."""
    _check(settings.configuration)
    spec = _fargate_spec(settings)
    for warning in fargate_warnings(spec):
        pulumi.log.warn(warning)
    ground = build_ground(settings, endpoints=_endpoints())
    engine = FargateVllm(
        _ENGINE, cast("FargateVllmArgs", {**_common_args(settings, ground), **_fargate_args(settings)}), ground.opts
    )
    return build_front(settings, ground, _engines("fargate", settings, ground, engine, _fargate_cost(spec)))


def fargate_warnings(spec: FargateVllmSpec) -> Iterator[str]:
    """Whether engines alone, twice as many while they are replaced, are more than a new account may have."""
    vcpus = math.ceil(2 * (spec.max_replicas or spec.min_replicas) * spec.cpu)
    if vcpus > FARGATE.default_vcpus:
        has = f"({FARGATE.name}), of which a new account has {FARGATE.default_vcpus}"
        yield f"engines and gateways need {vcpus} vCPUs and more of quota {FARGATE.code} {has}"


def _check(configuration: Configuration) -> None:
    """What a stack's file may say elsewhere and not here."""
    pool, problems = configuration.pool, list[Problem]()
    if "reservation" in pool.capacity_types:
        way_out = "open reservations are used by on-demand as they are; others need the platform eks"
        problems.append(Problem("pool.capacity_types", f" = {', '.join(pool.capacity_types)}: {way_out}"))
    if pool.max_nodes > 1:
        problems.append(Problem("pool.max_nodes", f" = {pool.max_nodes}: must be 1, or the platform eks"))
    if pool.capacity_types == ["spot"]:
        reason = "AWS can take all of them back at once, and nothing else is tried; add on-demand"
        problems.append(Problem("pool.capacity_types", f" = spot: {reason}"))
    for name in ("min", "max"):
        count = getattr(configuration.replicas, name)
        if count is not None and count > MOST_REPLICAS:
            reason = f"gateways find engines by a name with at most {MOST_REPLICAS} addresses"
            problems.append(Problem(f"replicas.{name}", f" = {count}: {reason}; or the platform eks"))
    if problems:
        raise SpecError(problems)


def _create_pool(configuration: Configuration, ground: Ground, ladder: PoolLadder) -> EcsGpuPool:
    model, facts = _served(configuration)
    weights = weights_gib_of(model, facts) if isinstance(model.source, HubSource) else 0
    return EcsGpuPool(
        "gpu",
        {
            "region": ground.aws.region,
            "account_id": ground.network.account_id,
            "cluster_name": ground.cluster.cluster_name,
            "vpc_id": ground.network.vpc_id,
            "subnet_ids": ground.network.private_subnet_ids,
            "rungs": cast("list[EcsPoolRungArgs]", rungs_of(ladder)),
            "min_replicas": configuration.replicas.min,
            "max_instances": _max_instances(configuration),
            "volume_gib": _IMAGE_AND_WRITTEN_GIB + math.ceil(weights),
            "tags": ground.aws.tags,
        },
        ground.opts,
    )


def _max_instances(configuration: Configuration) -> int:
    """For all engines, and for those that a deployment has besides."""
    replicas = configuration.replicas
    percent = deployment_percents(replicas.min, _SURGE).maximum
    return (replicas.max or replicas.min) * percent // 100


def _common_args(settings: Settings, ground: Ground) -> dict[str, object]:
    aws, configuration = ground.aws, settings.configuration
    folders = folders_of(configuration.model)
    return {
        **_known_args(settings),
        "account_id": ground.network.account_id,
        "cluster_name": ground.cluster.cluster_name,
        "vpc_id": ground.network.vpc_id,
        "subnet_ids": ground.network.private_subnet_ids,
        "client_security_group_ids": [ground.clients.security_group_id],
        "policies": [read_policy(folders, aws.region, aws.model_key_arn)] if folders else [],
    }


def _known_args(settings: Settings) -> dict[str, object]:
    configuration, given = settings.configuration, settings.given
    aws, replicas = cast("AwsSettings", configuration.aws), configuration.replicas
    args: dict[str, object] = {
        "region": aws.region,
        "image": image_of(configuration, "engine"),
        "model": given["model"],
        "revision": revision_of(_served(configuration)[0]),
        "facts": given["model_facts"],
        "load": given.get("load", {}),
        "service_level": given.get("service_level", {}),
        "min_replicas": replicas.min,
        "tags": aws.tags,
    }
    if replicas.max is not None:
        args |= {"max_replicas": replicas.max, "metrics_stack": stack_dimension(settings)}
    if configuration.engine.lora_rank is not None:
        args["lora_rank"] = configuration.engine.lora_rank
    return args


def _fargate_args(settings: Settings) -> dict[str, object]:
    return {"cpu": settings.configuration.fargate.cpu, "architecture": settings.configuration.fargate.architecture}


def _fargate_spec(settings: Settings) -> FargateVllmSpec:
    args = {**_known_args(settings), **_fargate_args(settings)}
    with as_in_the_file(_KEYS):
        spec = parse(FargateVllmSpec, known_of(FargateVllmSpec, args), "")
        spec.check()
    return spec


def _engines(
    platform: str,
    settings: Settings,
    ground: Ground,
    engine: EcsVllm | FargateVllm,
    estimated_cost: dict[str, float | str],
) -> Engines:
    model, _ = _served(settings.configuration)
    return Engines(
        platform=platform,
        model=model.served_name,
        revision=revision_of(model),
        upstreams=[engine.upstream],
        names=[_ENGINE],
        estimated_cost=estimated_cost,
        parts={
            "services": [{"cluster_name": ground.cluster.cluster_name, "service_name": engine.service_name}],
        },
    )


def _fargate_cost(spec: FargateVllmSpec) -> dict[str, float | str]:
    engines = usd_per_hour(spec.size, spec.storage_gib, spec.architecture) * spec.min_replicas
    note = f"the engines' tasks at the list price of {REFERENCE_REGION}; gateways, cache, network and logs come on top"
    return {"usd_per_hour": round(engines, 4), "note": note}


def _served(configuration: Configuration) -> tuple[ModelSpec, ModelFacts]:
    """`Configuration` has seen to it that a stack on AWS has both."""
    return cast("tuple[ModelSpec, ModelFacts]", (configuration.model, configuration.model_facts))


def _endpoints() -> Sequence[str]:
    """What engines and the agents of their instances call."""
    return (*ENDPOINTS, "ecs", "ecs-agent", "ecs-telemetry")
