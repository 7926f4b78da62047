"""`cloud: aws` with `option: managed`: vLLM in an endpoint of SageMaker, behind gateways on Fargate."""

from typing import TYPE_CHECKING, cast

import pulumi

from aws_endpoint import endpoint_name, quota_warning, sagemaker_args
from aws_front import ENDPOINTS, Engines, Ground, build_front, build_ground
from configuration import Configuration
from file_keys import as_in_the_file
from model_revision import revision_of
from moorage.aws.managed import VARIANT, SagemakerVllm, SagemakerVllmArgs
from moorage.aws.managed_spec import is_offered
from moorage.planner.pool_ladder import PoolLadder
from moorage.spec import ModelSpec
from outputs import StackOutputs
from pool import ladder_of
from settings import Settings

if TYPE_CHECKING:
    from aws_configuration import AwsSettings

_ENGINE = "engine"
_KEYS = {
    "region": "aws.region",
    "instance_type": "pool.instance_types",
    "facts": "model_facts",
    "min_instances": "replicas.min",
    "max_instances": "replicas.max",
}
"""Where a stack's file has an endpoint's arguments, if not under the same name."""
# SageMaker publishes no price that a program can read: ml.g5.2xlarge was 1.25 times its instance of EC2, ml.g5.xlarge
# 1.40 times (two blogs, 2025-10 and 2026-03). An estimate.
_PREMIUM, _PREMIUM_OF_XLARGE = 1.25, 1.40


def build_aws_managed(settings: Settings) -> StackOutputs:
    """Raises `moorage.spec.SpecError` for a model that no instance of SageMaker holds."""
    region = cast("AwsSettings", settings.configuration.aws).region
    ladder = ladder_of(settings.configuration, "aws", region, is_launched=is_offered)
    pulumi.log.warn(quota_warning(ladder, _most_instances(settings.configuration), region))
    ground = build_ground(settings, (*ENDPOINTS, "sagemaker.runtime"))
    with as_in_the_file(_KEYS):
        engine = SagemakerVllm(_ENGINE, _endpoint_args(settings, ladder, ground), ground.opts)
    return build_front(settings, ground, _engines(settings, ladder, engine))


def _most_instances(configuration: Configuration) -> int:
    return configuration.replicas.max or configuration.replicas.min


def _endpoint_args(settings: Settings, ladder: PoolLadder, ground: Ground) -> SagemakerVllmArgs:
    args = sagemaker_args(
        settings, ladder, region=ground.aws.region, account_id=ground.network.account_id, name=_ENGINE
    )
    args["min_instances"] = settings.configuration.replicas.min
    args["max_instances"] = _most_instances(settings.configuration)
    if ground.aws.model_key_arn is not None:
        args["model_key_arn"] = ground.aws.model_key_arn
    return args


def _engines(settings: Settings, ladder: PoolLadder, engine: SagemakerVllm) -> Engines:
    model = _model(settings.configuration)
    return Engines(
        platform="sagemaker",
        model=model.served_name,
        revision=revision_of(model),
        upstreams=[engine.upstream],
        names=[_ENGINE],
        estimated_cost=_cost(settings.configuration, ladder),
        policies=[engine.invoke_policy],
        parts={"endpoint": {"endpoint_name": endpoint_name(settings, _ENGINE), "variant_name": VARIANT}},
    )


def _cost(configuration: Configuration, ladder: PoolLadder) -> dict[str, float | str]:
    usd_per_hour = ladder.usd_per_hour or ladder.comparable_usd_per_hour
    if usd_per_hour is None:
        return {"note": "the catalogue has no price of the instances"}
    premium = _PREMIUM_OF_XLARGE if ladder.rungs[0].instance_type.endswith(".xlarge") else _PREMIUM
    return {
        "usd_per_hour": round(usd_per_hour * premium * configuration.replicas.min, 4),
        "note": f"an estimate: the instances' price on EC2 times {premium}; gateways, cache and network come on top",
    }


def _model(configuration: Configuration) -> ModelSpec:
    """`Configuration` has seen to it that there is one."""
    return cast("ModelSpec", configuration.model)
