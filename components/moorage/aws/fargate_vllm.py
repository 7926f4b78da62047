"""vLLM as tasks of AWS Fargate, for models that a CPU serves."""

from collections.abc import Mapping, Sequence
from typing import NotRequired, TypedDict

import pulumi
from pulumi_aws import ecs

from moorage.aws.engine_service import VOLUMES, EnginePlace, EngineService, PreparedTask
from moorage.aws.engine_service_spec import FargateVllmSpec
from moorage.aws.fargate_service import create_fargate_service, create_fargate_task
from moorage.aws.names import check_name
from moorage.aws.rollout import rolled_out_service
from moorage.spec.arguments import LoadArgs, ModelArgs, ModelFactsArgs, ServiceLevelArgs
from moorage.spec.gateway_document import Upstream
from moorage.spec.parsing import known_of, parse


class FargateVllmArgs(TypedDict):
    """What is served, and how large its tasks are."""

    region: str
    """Such as `eu-central-1`."""
    account_id: pulumi.Input[str]
    """Whose it is, as `AwsNetwork` gives it."""
    cluster_name: pulumi.Input[str]
    """As `EcsCluster` gives it."""
    vpc_id: pulumi.Input[str]
    """As `AwsNetwork` gives it."""
    subnet_ids: pulumi.Input[Sequence[str]]
    """Private ones, as `AwsNetwork` gives them."""
    client_security_group_ids: Sequence[pulumi.Input[str]]
    """Of the gateways, as `WorkloadSecurityGroup` gives them: nobody else reaches an engine."""
    image: str
    """vLLM's image for the CPU by its digest."""
    model: ModelArgs
    """From the Hub, a bucket, or a folder inside of the image."""
    revision: str
    """Which weights these are; another one means new tasks."""
    facts: ModelFactsArgs
    """What is known of the model: the task's memory follows from it."""
    load: NotRequired[LoadArgs]
    """Of one engine. Default: that of `moorage.spec.Load`."""
    service_level: NotRequired[ServiceLevelArgs]
    """How long an engine that is stopped finishes its requests. Default: that of `moorage.spec.ServiceLevel`."""
    cpu: NotRequired[float]
    """vCPUs of each engine. Default: 4."""
    architecture: NotRequired[str]
    """Of the image: `arm64`, which costs a fifth less, or `x86_64`. Default: `x86_64`."""
    min_replicas: NotRequired[int]
    """How many engines, or the fewest where `max_replicas` is given; at most 8. Default: 1."""
    max_replicas: NotRequired[int]
    """By the gateways' demand, and by what waits in the engines; at most 8. Default: as many as there are."""
    metrics_stack: NotRequired[str]
    """What the gateways' `cloudwatch_metrics` call their stack; needed with `max_replicas`. Default: none."""
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


class FargateVllm(pulumi.ComponentResource):
    """vLLM engines of one model behind one name, on CPUs, with no machine to look after.

    A change of model, revision or arguments replaces the tasks: all new ones are healthy before the old ones drain, and
    a version that does not become healthy is taken back.
    """

    upstream: pulumi.Output[Upstream]
    """What a gateway has to know."""
    service_name: pulumi.Output[str]
    log_group_name: pulumi.Output[str]

    def __init__(self, name: str, args: FargateVllmArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Raises `moorage.spec.SpecError` for what Fargate cannot hold, with the numbers and what would work."""
        super().__init__("moorage:index:FargateVllm", name, dict(args), opts)
        check_name(name)
        self._name, self._spec = name, parse(FargateVllmSpec, known_of(FargateVllmSpec, args), "")
        self._spec.check()
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
        spec = self._spec
        return create_fargate_task(
            f"{self._name}-task",
            family=prepared.family,
            size=spec.size,
            architecture=spec.architecture,
            execution_role_arn=prepared.execution_role_arn,
            task_role_arn=prepared.task_role_arn,
            volumes=VOLUMES,
            container_definitions=prepared.container_definitions,
            tags=spec.tags,
            opts=pulumi.ResourceOptions(parent=self),
            storage_gib=spec.storage_gib,
        )

    def _create_service(
        self,
        args: FargateVllmArgs,
        engine: EngineService,
        task: ecs.TaskDefinition,
        registry_arn: pulumi.Output[str],
        opts: pulumi.ResourceOptions,
    ) -> ecs.Service:
        spec = self._spec
        percents = spec.deployment_percents
        return create_fargate_service(
            f"{self._name}-service",
            cluster=args["cluster_name"],
            task=task,
            desired_count=spec.min_replicas,
            network_configuration=engine.network_configuration(),
            service_registries={"registry_arn": registry_arn},
            deployment_minimum_healthy_percent=percents.minimum_healthy,
            deployment_maximum_percent=percents.maximum,
            # Unlike the health check's own start period it may be longer than five minutes.
            health_check_grace_period_seconds=spec.startup_seconds,
            tags=spec.tags,
            opts=opts,
        )
