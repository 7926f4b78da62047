"""vLLM as tasks of Amazon ECS, on instances with GPUs."""

from collections.abc import Mapping, Sequence
from typing import NotRequired, TypedDict

import pulumi
from pulumi_aws import ecs

from moorage.aws.engine_service import VOLUMES, EnginePlace, EngineService, PreparedTask
from moorage.aws.engine_service_spec import EcsVllmSpec
from moorage.aws.names import check_name
from moorage.aws.rollout import rolled_out_service
from moorage.aws.tags import named
from moorage.spec.arguments import LoadArgs, ModelArgs, ModelFactsArgs, ServiceLevelArgs
from moorage.spec.gateway_document import Upstream
from moorage.spec.parsing import known_of, parse


class EcsVllmArgs(TypedDict):
    """What is served, on which instances, and how it is replaced."""

    region: str
    """Such as `eu-central-1`."""
    account_id: pulumi.Input[str]
    """Whose it is, as `AwsNetwork` gives it."""
    cluster_name: pulumi.Input[str]
    """As `EcsCluster` gives it."""
    capacity_provider_name: pulumi.Input[str]
    """As `EcsGpuPool` gives it."""
    vpc_id: pulumi.Input[str]
    """As `AwsNetwork` gives it."""
    subnet_ids: pulumi.Input[Sequence[str]]
    """Private ones, as `AwsNetwork` gives them."""
    client_security_group_ids: Sequence[pulumi.Input[str]]
    """Of the gateways, as `WorkloadSecurityGroup` gives them: nobody else reaches an engine."""
    image: str
    """vLLM's image for CUDA by its digest, `vllm/vllm-openai@sha256:…`."""
    model: ModelArgs
    """From the Hub, a bucket, or a folder inside of the image."""
    revision: str
    """Which weights these are; another one means new tasks."""
    load: NotRequired[LoadArgs]
    """Of one engine. Default: that of `moorage.spec.Load`."""
    service_level: NotRequired[ServiceLevelArgs]
    """How long an engine that is stopped finishes its requests. Default: that of `moorage.spec.ServiceLevel`."""
    facts: NotRequired[ModelFactsArgs]
    """What is known of the model. Default: nothing; then whether it fits is only known when it has started."""
    gpu_memory_gib: NotRequired[float]
    """What torch sees of one GPU. With `facts`, a model that does not fit is refused. Default: not known."""
    tensor_parallel_size: NotRequired[int]
    """GPUs of each engine, all of one instance. Default: 1."""
    has_spot: NotRequired[bool]
    """Whether AWS may take an instance back: then requests have two minutes to finish. Default: no."""
    min_replicas: NotRequired[int]
    """How many engines, or the fewest where `max_replicas` is given; at most 8. Default: 1."""
    max_replicas: NotRequired[int]
    """By the gateways' demand, and by what waits in the engines; at most 8. Default: as many as there are."""
    metrics_stack: NotRequired[str]
    """What the gateways' `cloudwatch_metrics` call their stack; needed with `max_replicas`. Default: none."""
    max_surge: NotRequired[int]
    """How many engines more than wanted a deployment may have; 0 where no instance is free for one. Default: 1."""
    allow_downtime: NotRequired[bool]
    """Whether the only engine may be stopped before its successor starts. Default: no."""
    lora_rank: NotRequired[int]
    """The highest rank among the adapters. Default: vLLM's own, 16."""
    policies: NotRequired[Sequence[pulumi.Input[str]]]
    """What engines may do in the account, such as to read the model's bucket: policy documents in JSON without
    wildcards. Default: nothing."""
    hugging_face_token: NotRequired[pulumi.Input[str]]
    """For models that the Hub gives to some only; a secret. Default: none."""
    log_retention_days: NotRequired[int]
    """Default: 90."""
    tags: NotRequired[Mapping[str, str]]
    """On every resource, and on the tasks. Default: none."""


class EcsVllm(pulumi.ComponentResource):
    """vLLM engines of one model behind one name, each on a GPU instance of its own.

    A change of model, revision or arguments replaces the tasks: a new one is healthy before an old one drains, and a
    version that does not become healthy is taken back.
    """

    upstream: pulumi.Output[Upstream]
    """What a gateway has to know."""
    service_name: pulumi.Output[str]
    log_group_name: pulumi.Output[str]

    def __init__(self, name: str, args: EcsVllmArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Raises `moorage.spec.SpecError` for what cannot be served, with the numbers and what would work."""
        super().__init__("moorage:index:EcsVllm", name, dict(args), opts)
        check_name(name)
        self._name, self._spec = name, parse(EcsVllmSpec, known_of(EcsVllmSpec, args), "")
        self._spec.check()
        self._warn_of_short_notice()
        child = pulumi.ResourceOptions(parent=self)
        engine = EngineService(name, self._spec, EnginePlace.of(args), child)
        prepared = engine.prepare_task()
        registry_arn, address = engine.create_discovery()
        task = self._create_task(prepared)
        service = self._create_service(args, engine, task, registry_arn, engine.service_opts(prepared))
        engine.scale(service)
        self.service_name = rolled_out_service(service, task)
        self.upstream = engine.upstream(address, self.service_name)
        self.log_group_name = prepared.log_group_name
        self.register_outputs(
            {
                "upstream": self.upstream,
                "service_name": self.service_name,
                "log_group_name": self.log_group_name,
            }
        )

    def _create_task(self, prepared: PreparedTask) -> ecs.TaskDefinition:
        name = f"{self._name}-task"
        return ecs.TaskDefinition(
            name,
            family=prepared.family,
            requires_compatibilities=["EC2"],
            network_mode="awsvpc",
            execution_role_arn=prepared.execution_role_arn,
            task_role_arn=prepared.task_role_arn,
            volumes=[{"name": volume} for volume in VOLUMES],
            container_definitions=prepared.container_definitions,
            tags=named(name, self._spec.tags),
            opts=pulumi.ResourceOptions(parent=self),
        )

    def _create_service(
        self,
        args: EcsVllmArgs,
        engine: EngineService,
        task: ecs.TaskDefinition,
        registry_arn: pulumi.Output[str],
        opts: pulumi.ResourceOptions,
    ) -> ecs.Service:
        spec, name = self._spec, f"{self._name}-service"
        percents = spec.deployment_percents
        return ecs.Service(
            name,
            cluster=args["cluster_name"],
            task_definition=task.arn,
            desired_count=spec.min_replicas,
            capacity_provider_strategies=[{"capacity_provider": args["capacity_provider_name"], "weight": 1}],
            network_configuration=engine.network_configuration(),
            service_registries={"registry_arn": registry_arn},
            # In different zones as far as there are instances, and no two where one suffices.
            ordered_placement_strategies=[
                {"type": "spread", "field": "attribute:ecs.availability-zone"},
                {"type": "binpack", "field": "memory"},
            ],
            deployment_minimum_healthy_percent=percents.minimum_healthy,
            deployment_maximum_percent=percents.maximum,
            deployment_circuit_breaker={"enable": True, "rollback": True},
            # Unlike the health check's own start period it may be longer than five minutes.
            health_check_grace_period_seconds=spec.startup_seconds,
            enable_execute_command=False,
            enable_ecs_managed_tags=True,
            propagate_tags="SERVICE",
            wait_for_steady_state=True,
            tags=named(name, spec.tags),
            opts=opts,
        )

    def _warn_of_short_notice(self) -> None:
        wanted, possible = self._spec.wanted_drain, self._spec.drain
        if possible != wanted:
            pulumi.log.warn(
                f"spot instances are taken away after {possible.grace_seconds} seconds: requests have "
                f"{possible.shutdown_timeout_seconds} of the {wanted.shutdown_timeout_seconds} seconds of "
                "service_level.p99_request_seconds to finish; the gateway tries those without a first token elsewhere",
                self,
            )
