"""What an engine on Amazon ECS has around its task, wherever that runs: its name, its firewall, its roles, its load."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi
from pulumi_aws import ec2, ecs, servicediscovery

from moorage.aws.container_definition import Container, container_definitions
from moorage.aws.ecr_image import repository_arn
from moorage.aws.engine_scaling import EngineScaling
from moorage.aws.engine_service_spec import EcsVllmSpec, FargateVllmSpec, demand_per_engine
from moorage.aws.rollout import rollout_timeouts
from moorage.aws.security_group import create_group, let_in
from moorage.aws.tags import named
from moorage.aws.task_surroundings import TaskSecret, TaskSurroundings, task_family
from moorage.aws.vllm_container import CACHE, HUGGING_FACE_TOKEN_VARIABLE, PORT, TEMPORARY
from moorage.spec.gateway_document import Upstream

if TYPE_CHECKING:
    from moorage.aws.container_service import EcsVllmArgs
    from moorage.aws.fargate_vllm import FargateVllmArgs

_HOST = "engines"
_TTL_SECONDS = 10
"""Gateways ask that often for the addresses, and an engine that goes takes requests on for longer."""
VOLUMES = (CACHE, TEMPORARY)


@dataclass(frozen=True)
class EnginePlace:
    """Where the tasks are, and who reaches them."""

    account_id: pulumi.Input[str]
    cluster_name: pulumi.Input[str]
    vpc_id: pulumi.Input[str]
    subnet_ids: pulumi.Input[Sequence[str]]
    client_security_group_ids: Sequence[pulumi.Input[str]]
    policies: Sequence[pulumi.Input[str]]
    hugging_face_token: pulumi.Input[str] | None

    @classmethod
    def of(cls, args: "EcsVllmArgs | FargateVllmArgs") -> "EnginePlace":
        """As a component's arguments say."""
        return cls(
            account_id=args["account_id"],
            cluster_name=args["cluster_name"],
            vpc_id=args["vpc_id"],
            subnet_ids=args["subnet_ids"],
            client_security_group_ids=args["client_security_group_ids"],
            policies=args.get("policies", ()),
            hugging_face_token=args.get("hugging_face_token"),
        )


@dataclass(frozen=True)
class PreparedTask:
    """What a task definition takes of all this."""

    family: pulumi.Output[str]
    execution_role_arn: pulumi.Output[str]
    task_role_arn: pulumi.Output[str]
    rights: Sequence[pulumi.Resource]
    """What the service has to wait for."""
    container_definitions: pulumi.Output[str]
    log_group_name: pulumi.Output[str]


class EngineService:
    """Makes the children of an engine's component."""

    def __init__(
        self, name: str, spec: EcsVllmSpec | FargateVllmSpec, place: EnginePlace, opts: pulumi.ResourceOptions
    ) -> None:
        self._name, self._spec, self._place, self._opts = name, spec, place, opts

    def prepare_task(self) -> PreparedTask:
        """Roles, a log, and the container's definition."""
        spec, place = self._spec, self._place
        around = TaskSurroundings.of(self._name, spec, place.account_id, self._opts)
        key = around.create_key(f"Engine {self._name}")
        log_group = around.create_log_group(key)
        secrets: dict[str, TaskSecret] = {}
        if place.hugging_face_token is not None:
            secrets[HUGGING_FACE_TOKEN_VARIABLE] = around.create_secret(
                "hugging-face", "Lets the engine have models of the Hub", place.hugging_face_token, key
            )
        execution = around.create_execution_role(
            log_group, key, secrets=list(secrets.values()), repository_arn=repository_arn(spec.image)
        )
        task = around.create_task_role(place.policies)
        versions = {variable: secret.version_arn for variable, secret in secrets.items()}
        make: Callable[[str, Mapping[str, str]], Container] = spec.container
        return PreparedTask(
            family=task_family(place.cluster_name, self._name),
            execution_role_arn=execution.arn,
            task_role_arn=task.arn,
            rights=[*execution.rights, *task.rights],
            container_definitions=pulumi.Output.all(log_group.name, pulumi.Output.from_input(versions)).apply(
                lambda known: container_definitions(make(known[0], known[1]))
            ),
            log_group_name=log_group.name,
        )

    def network_configuration(self) -> ecs.ServiceNetworkConfigurationArgsDict:
        """Private, and for the clients alone."""
        group = self._create_security_group()
        for index, client in enumerate(self._place.client_security_group_ids):
            let_in(
                f"{self._name}-client-{index}",
                server=group.id,
                client=client,
                port=PORT,
                description=f"From gateways to {self._name}",
                tags=self._spec.tags,
                opts=self._opts,
            )
        return {"subnets": self._place.subnet_ids, "security_groups": [group.id], "assign_public_ip": False}

    def create_discovery(self) -> tuple[pulumi.Output[str], pulumi.Output[str]]:
        """The ARN of a registry of Cloud Map, and the name that has all engines' addresses."""
        name = f"{self._name}-namespace"
        namespace = servicediscovery.PrivateDnsNamespace(
            name,
            name=f"{self._name}.internal",
            description=f"Engines of {self._name}",
            vpc=self._place.vpc_id,
            tags=named(name, self._spec.tags),
            opts=self._opts,
        )
        registry = servicediscovery.Service(
            f"{self._name}-registry",
            name=_HOST,
            dns_config={
                "namespace_id": namespace.id,
                "routing_policy": "MULTIVALUE",
                "dns_records": [{"type": "A", "ttl": _TTL_SECONDS}],
            },
            # Amazon ECS says which are healthy, by their containers' health checks.
            health_check_custom_config={"failure_threshold": 1},
            force_destroy=True,
            tags=named(f"{self._name}-registry", self._spec.tags),
            opts=self._opts,
        )
        return registry.arn, pulumi.Output.concat("http://", _HOST, ".", namespace.name, f":{PORT}")

    def service_opts(self, prepared: PreparedTask) -> pulumi.ResourceOptions:
        """It waits for its tasks' rights, and as long as a rollout may take."""
        return pulumi.ResourceOptions.merge(
            self._opts,
            pulumi.ResourceOptions(
                # How many there are, the autoscaler says from then on.
                ignore_changes=["desiredCount"] if self._spec.max_replicas is not None else [],
                depends_on=list(prepared.rights),
                custom_timeouts=rollout_timeouts(self._spec.rollout_seconds),
            ),
        )

    def scale(self, service: ecs.Service) -> None:
        """By load, where more than the fewest may be."""
        spec = self._spec
        if spec.max_replicas is None or spec.metrics_stack is None:
            return
        EngineScaling(
            name=self._name,
            cluster_name=self._place.cluster_name,
            service_name=service.name,
            metrics_stack=spec.metrics_stack,
            min_replicas=spec.min_replicas,
            max_replicas=spec.max_replicas,
            demand_per_engine=demand_per_engine(spec.max_num_seqs),
            startup_seconds=spec.startup_seconds,
            tags=spec.tags,
            opts=self._opts,
        ).create()

    def upstream(self, address: pulumi.Output[str], service_name: pulumi.Output[str]) -> pulumi.Output[Upstream]:
        """What a gateway has to know, once the service runs its version."""
        spec = self._spec
        return pulumi.Output.all(address, service_name).apply(
            lambda known: Upstream(
                name=self._name,
                kind="openai-http",
                address=known[0],
                discovery="dns",
                model=spec.model.served_name,
                revision=spec.revision,
                max_concurrent_requests=spec.max_num_seqs,
            )
        )

    def _create_security_group(self) -> ec2.SecurityGroup:
        name = f"{self._name}-tasks"
        return create_group(
            name,
            https_name=f"{name}-https",
            vpc_id=self._place.vpc_id,
            description=f"Engines of {self._name}",
            https_description="The image, the weights and the log",
            tags=self._spec.tags,
            opts=self._opts,
        )
