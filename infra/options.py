"""Which builder makes which cell of the table cloud by option."""

import importlib
from collections.abc import Callable, Mapping

from moorage.spec import Problem, SpecError
from outputs import StackOutputs
from platforms import ECS, EKS, FARGATE, GKE, KUBERNETES, LAMBDA, PLATFORMS, PROCESS, SAGEMAKER, Platform
from settings import Settings

Builder = Callable[[Settings], StackOutputs]


def _of(module: str, function: str) -> Builder:
    """Imported when it is called: a stack on one cloud needs no other's SDK."""
    return lambda settings: getattr(importlib.import_module(module), function)(settings)


BUILDERS: Mapping[Platform, Builder] = {
    PROCESS: _of("local", "build_local"),
    KUBERNETES: _of("kubernetes", "build_kubernetes"),
    EKS: _of("aws", "build_aws_always_on"),
    ECS: _of("aws_ecs", "build_aws_ecs"),
    FARGATE: _of("aws_ecs", "build_aws_fargate"),
    LAMBDA: _of("aws_serverless", "build_aws_serverless"),
    SAGEMAKER: _of("aws_managed", "build_aws_managed"),
    GKE: _of("gcp", "build_gcp_always_on"),
}


def build(settings: Settings) -> StackOutputs:
    """Raises `SpecError` for a combination that does not exist, with those that do."""
    configuration = settings.configuration
    platform = configuration.chosen
    if platform is None:
        raise SpecError([_impossible(configuration.cloud, configuration.option, configuration.platform)])
    return BUILDERS[platform](settings)


def _impossible(cloud: str, option: str, name: str | None) -> Problem:
    there = PLATFORMS.get((cloud, option))
    if there is not None:
        allowed = ", ".join(platform.name for platform in there)
        return Problem("platform", f" = {name}: with cloud = {cloud} and option = {option} possible is {allowed}")
    possible = ", ".join(f"{cloud} with {option}" for cloud, option in PLATFORMS)
    return Problem("cloud", f" = {cloud} with option = {option}: possible is {possible}")
