"""What all services on AWS Fargate have in common, whatever their containers do."""

from collections.abc import Mapping, Sequence
from typing import NotRequired, TypedDict, Unpack

import pulumi
from pulumi_aws import ecs

from moorage.aws.fargate_size import CPU_ARCHITECTURES, FargateSize
from moorage.aws.tags import named

_PLATFORM_VERSION = "1.4.0"


def create_fargate_task(
    name: str,
    *,
    family: pulumi.Input[str],
    size: FargateSize,
    architecture: str,
    execution_role_arn: pulumi.Input[str],
    task_role_arn: pulumi.Input[str],
    volumes: Sequence[str],
    container_definitions: pulumi.Input[str],
    tags: Mapping[str, str],
    opts: pulumi.ResourceOptions,
    storage_gib: int | None = None,
) -> ecs.TaskDefinition:
    """`storage_gib`: of its own disk. Default: what Fargate gives."""
    return ecs.TaskDefinition(
        name,
        family=family,
        requires_compatibilities=["FARGATE"],
        network_mode="awsvpc",
        cpu=str(size.cpu_units),
        memory=str(size.memory_mib),
        ephemeral_storage=None if storage_gib is None else {"size_in_gib": storage_gib},
        runtime_platform={"operating_system_family": "LINUX", "cpu_architecture": CPU_ARCHITECTURES[architecture]},
        execution_role_arn=execution_role_arn,
        task_role_arn=task_role_arn,
        volumes=[{"name": volume} for volume in volumes],
        container_definitions=container_definitions,
        tags=named(name, tags),
        opts=opts,
    )


class FargateServiceArgs(TypedDict):
    """In the words of `pulumi_aws.ecs.Service`, where it has one."""

    cluster: pulumi.Input[str]
    """Its name."""
    task: ecs.TaskDefinition
    """As `create_fargate_task` makes it."""
    desired_count: int
    """Of tasks."""
    network_configuration: ecs.ServiceNetworkConfigurationArgsDict
    """Private subnets, and who may come in."""
    tags: Mapping[str, str]
    """On the service, and on its tasks."""
    opts: pulumi.ResourceOptions
    """Of the service."""
    load_balancers: NotRequired[Sequence[ecs.ServiceLoadBalancerArgsDict]]
    """That send to its containers. Default: none."""
    service_registries: NotRequired[ecs.ServiceServiceRegistriesArgsDict]
    """Of Cloud Map, where its tasks are found. Default: none."""
    health_check_grace_period_seconds: NotRequired[int]
    """For which no health check ends a task that starts. Default: none."""
    deployment_minimum_healthy_percent: NotRequired[int]
    """Default: 100, no fewer than are wanted at any time."""
    deployment_maximum_percent: NotRequired[int]
    """Default: 200."""


def create_fargate_service(name: str, **args: Unpack[FargateServiceArgs]) -> ecs.Service:
    """Private tasks in all zones; a version that does not become healthy is taken back."""
    return ecs.Service(
        name,
        cluster=args["cluster"],
        task_definition=args["task"].arn,
        desired_count=args["desired_count"],
        launch_type="FARGATE",
        platform_version=_PLATFORM_VERSION,
        network_configuration=args["network_configuration"],
        load_balancers=args.get("load_balancers"),
        service_registries=args.get("service_registries"),
        deployment_minimum_healthy_percent=args.get("deployment_minimum_healthy_percent", 100),
        deployment_maximum_percent=args.get("deployment_maximum_percent", 200),
        deployment_circuit_breaker={"enable": True, "rollback": True},
        availability_zone_rebalancing="ENABLED",
        health_check_grace_period_seconds=args.get("health_check_grace_period_seconds"),
        enable_execute_command=False,
        enable_ecs_managed_tags=True,
        propagate_tags="SERVICE",
        wait_for_steady_state=True,
        tags=named(name, args["tags"]),
        opts=args["opts"],
    )
