"""The gateway on AWS: tasks of Fargate behind a load balancer."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple, NotRequired, TypedDict, cast

import pulumi
from pulumi_aws import cloudwatch, ecs, kms

from moorage.aws.application_scaling import ApplicationScaling, ecs_service
from moorage.aws.container_definition import container_definitions
from moorage.aws.ecr_image import repository_arn
from moorage.aws.fargate_service import create_fargate_service, create_fargate_task
from moorage.aws.gateway_spec import REDIS_URL_VARIABLE, FargateGatewaySpec
from moorage.aws.load_balancer_spec import GATEWAY_PORT, HTTPS
from moorage.aws.names import check_name
from moorage.aws.rollout import rolled_out_service, rollout_timeouts
from moorage.aws.security_group import let_out_to_host
from moorage.aws.task_surroundings import TaskRole, TaskSecret, TaskSurroundings, task_family
from moorage.credentials.api_key import ApiKey
from moorage.spec.arguments import ServiceLevelArgs
from moorage.spec.gateway_document import Key, Upstream, generated_key, render_gateway_document
from moorage.spec.gateway_settings import OWN_KEY_ID, GatewaySettings
from moorage.spec.parsing import known_of, parse

if TYPE_CHECKING:
    from pydantic import JsonValue

CPU_UTILIZATION_PERCENT = 60
"""Of one process per vCPU: a gateway that is twice as busy from one minute to the next still answers."""
_START_SECONDS = 60
"""Until a gateway serves, which is five seconds of one vCPU's work, and the balancer knows it."""
_SCALE_OUT_SECONDS = 60
_SCALE_IN_SECONDS = 300


class FargateGatewayArgs(TypedDict):
    """Where it runs, what is behind it, and who reaches it."""

    region: str
    """Such as `eu-central-1`."""
    account_id: pulumi.Input[str]
    """Whose it is, as `AwsNetwork` gives it."""
    cluster_name: pulumi.Input[str]
    """As `EcsCluster` gives it."""
    subnet_ids: pulumi.Input[Sequence[str]]
    """Private ones, in at least two zones."""
    security_group_id: pulumi.Input[str]
    """Of the gateways, as `WorkloadSecurityGroup` gives it; caches and engines let it in."""
    target_group_arn: pulumi.Input[str]
    """Of the balancer, as `StreamLoadBalancer` gives it."""
    address: pulumi.Input[str]
    """What clients call, as `StreamLoadBalancer` gives it."""
    image: str
    """The serving image, by its digest."""
    upstreams: Sequence[pulumi.Input[Upstream]]
    """Engines, in the order in which they are tried."""
    authentication: str
    """`api_keys`: one key is generated. `none`: everybody is let in who reaches it."""
    policies: NotRequired[Sequence[pulumi.Input[str]]]
    """What its upstreams need, such as to call one endpoint of SageMaker: policy documents in JSON without wildcards.
    Default: nothing."""
    redis_url: NotRequired[pulumi.Input[str]]
    """As `ElastiCacheValkey` gives it; a secret. Default: none, and no cache and no common limits."""
    settings: NotRequired[GatewaySettings]
    """What else its document says. Default: nothing."""
    rotated_key_arn: NotRequired[pulumi.Input[str]]
    """Of a secret that holds the key instead of a generated one, as `RotatedKey` gives it; `policies` have to allow to
    read it. Default: one is generated."""
    keys: NotRequired[Sequence[pulumi.Input[Key]]]
    """Of others whom it lets in, such as `FargateWorker.gateway_key`, besides those of `settings`; with
    `api_keys` alone. Default: none."""
    tenant: NotRequired[str]
    """Of that key, out of the settings' tenants. Default: one without limits."""
    service_level: NotRequired[ServiceLevelArgs]
    """Decides how long a gateway that is stopped finishes its requests. Default: `moorage.spec.ServiceLevel`'s."""
    cpu: NotRequired[float]
    """vCPUs of each gateway, one process for each. Default: 1."""
    min_replicas: NotRequired[int]
    """Default: 2, in different zones."""
    max_replicas: NotRequired[int]
    """By load. Default: 10."""
    architecture: NotRequired[str]
    """Of the image: `arm64`, which costs a fifth less, or `x86_64`. Default: `x86_64`."""
    log_retention_days: NotRequired[int]
    """Of its log, which has a line for each request, without its content. Default: 90."""
    tags: NotRequired[Mapping[str, str]]
    """On every resource. Default: none."""


class _Roles(NamedTuple):
    execution: TaskRole
    task: TaskRole


class FargateGateway(pulumi.ComponentResource):
    """Gateways that are alike, at least two, which more requests make more of.

    A gateway that is to go is sent no more by the balancer, finishes what it has, and is killed only after its grace.
    A new version that does not become healthy is taken back.
    """

    endpoint_url: pulumi.Output[str]
    """What an OpenAI client takes as `base_url`."""
    api_key: pulumi.Output[str]
    """A secret; empty where none is generated. Secrets Manager has it too."""
    api_key_secret_arn: pulumi.Output[str]
    """Of that secret; empty where none is generated."""
    log_group_name: pulumi.Output[str]
    service_name: pulumi.Output[str]
    task_role_arn: pulumi.Output[str]

    def __init__(self, name: str, args: FargateGatewayArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Raises `moorage.spec.SpecError` for a gateway that Fargate would not run, or that anybody could use."""
        super().__init__("moorage:index:FargateGateway", name, dict(args), opts)
        check_name(name)
        known = {**known_of(FargateGatewaySpec, args), "has_redis": "redis_url" in args}
        self._name, self._spec = name, parse(FargateGatewaySpec, known, "")
        self._child = pulumi.ResourceOptions(parent=self)
        self._around = TaskSurroundings.of(name, self._spec, args["account_id"], self._child)
        key = self._around.create_key(f"Gateway {name}")
        log_group = self._around.create_log_group(key)
        secrets = self._create_secrets(args, key)
        roles = self._create_roles(args, key, log_group, secrets)
        task = self._create_task(args, log_group, secrets, roles)
        service = self._create_service(args, task, roles)
        self._let_out_to_collector(args)
        self._scale(args, service)
        self.endpoint_url = pulumi.Output.concat(args["address"], "/v1")
        self.service_name = rolled_out_service(service, task)
        self.log_group_name, self.task_role_arn = log_group.name, roles.task.arn
        self.register_outputs(
            {
                "endpoint_url": self.endpoint_url,
                "api_key": self.api_key,
                "api_key_secret_arn": self.api_key_secret_arn,
                "log_group_name": self.log_group_name,
                "service_name": self.service_name,
                "task_role_arn": self.task_role_arn,
            }
        )

    def _create_secrets(self, args: FargateGatewayArgs, key: kms.Key) -> dict[str, TaskSecret]:
        """By variable, the secret that it holds."""
        self.api_key, self.api_key_secret_arn = pulumi.Output.secret(""), pulumi.Output.from_input("")
        self._key: ApiKey | None = None
        if self._spec.authentication == "api_keys" and "rotated_key_arn" not in args:
            self._key = ApiKey(f"{self._name}-key-of-clients", self._child)
            self.api_key = self._key.key
            self.api_key_secret_arn = self._around.create_secret(
                "api-key", "The key that the gateway lets in", self._key.key, key
            ).arn
        if "redis_url" not in args:
            return {}
        address = self._around.create_secret("redis-url", "Where the gateway keeps limits", args["redis_url"], key)
        return {REDIS_URL_VARIABLE: address}

    def _create_roles(
        self,
        args: FargateGatewayArgs,
        key: kms.Key,
        log_group: cloudwatch.LogGroup,
        secrets: Mapping[str, TaskSecret],
    ) -> _Roles:
        return _Roles(
            self._around.create_execution_role(
                log_group, key, secrets=list(secrets.values()), repository_arn=repository_arn(self._spec.image)
            ),
            self._around.create_task_role(args.get("policies", ())),
        )

    def _create_task(
        self,
        args: FargateGatewayArgs,
        log_group: cloudwatch.LogGroup,
        secrets: Mapping[str, TaskSecret],
        roles: _Roles,
    ) -> ecs.TaskDefinition:
        spec, name = self._spec, f"{self._name}-task"
        versions = {variable: secret.version_arn for variable, secret in secrets.items()}
        known = pulumi.Output.all(self._document(args), log_group.name, pulumi.Output.from_input(versions))
        return create_fargate_task(
            name,
            family=task_family(args["cluster_name"], self._name),
            size=spec.size,
            architecture=spec.architecture,
            execution_role_arn=roles.execution.arn,
            task_role_arn=roles.task.arn,
            volumes=spec.volumes,
            container_definitions=known.apply(
                lambda parts: container_definitions(spec.container(spec.image, parts[0], parts[1], parts[2]))
            ),
            tags=spec.tags,
            opts=self._child,
        )

    def _document(self, args: FargateGatewayArgs) -> pulumi.Output[str]:
        spec, key = self._spec, self._key
        own: pulumi.Output[list[Key]] | list[Key] = []
        if key is not None:
            own = pulumi.Output.unsecret(key.key).apply(lambda value: [generated_key(value, spec.tenant)])
        rotated = args.get("rotated_key_arn")
        others = args.get("keys", ())
        return pulumi.Output.all(upstreams=args["upstreams"], own=own, others=others, rotated=rotated).apply(
            lambda parts: render_gateway_document(
                cast("list[Upstream]", parts["upstreams"]),
                [*cast("list[Key]", parts["own"]), *cast("list[Key]", parts["others"])],
                spec.authentication,
                None,
                _with_rotated_key(spec.document_settings, cast("str | None", parts["rotated"]), spec.tenant),
                redis_url_environment_variable=REDIS_URL_VARIABLE if spec.has_redis else None,
            )
        )

    def _create_service(self, args: FargateGatewayArgs, task: ecs.TaskDefinition, roles: _Roles) -> ecs.Service:
        return create_fargate_service(
            f"{self._name}-service",
            cluster=args["cluster_name"],
            task=task,
            desired_count=self._spec.min_replicas,
            network_configuration={
                "subnets": args["subnet_ids"],
                "security_groups": [args["security_group_id"]],
                "assign_public_ip": False,
            },
            load_balancers=[
                {
                    "target_group_arn": args["target_group_arn"],
                    "container_name": "gateway",
                    "container_port": GATEWAY_PORT,
                }
            ],
            health_check_grace_period_seconds=_START_SECONDS,
            tags=self._spec.tags,
            # How many there are, the autoscaler says from then on.
            opts=pulumi.ResourceOptions(
                parent=self,
                ignore_changes=["desiredCount"],
                depends_on=[*roles.execution.rights, *roles.task.rights],
                custom_timeouts=rollout_timeouts(self._spec.rollout_seconds),
            ),
        )

    def _let_out_to_collector(self, args: FargateGatewayArgs) -> None:
        collector = self._spec.collector
        if collector is None or collector.port == HTTPS:
            return
        let_out_to_host(
            f"{self._name}-collector",
            client=args["security_group_id"],
            host=collector.host,
            port=collector.port,
            description="Traces and metrics",
            tags=self._spec.tags,
            opts=self._child,
        )

    def _scale(self, args: FargateGatewayArgs, service: ecs.Service) -> None:
        name, spec = f"{self._name}-scaling", self._spec
        scaling = ApplicationScaling.between(
            name,
            ecs_service(args["cluster_name"], service.name),
            spec.min_replicas,
            spec.max_replicas,
            spec.tags,
            self._child,
        )
        scaling.track(
            f"{name}-cpu",
            {
                "predefined_metric_specification": {"predefined_metric_type": "ECSServiceAverageCPUUtilization"},
                "target_value": CPU_UTILIZATION_PERCENT,
                "scale_out_cooldown": _SCALE_OUT_SECONDS,
                "scale_in_cooldown": _SCALE_IN_SECONDS,
            },
        )


def _with_rotated_key(settings: GatewaySettings, secret_arn: str | None, tenant: str | None) -> GatewaySettings:
    if secret_arn is None:
        return settings
    own: dict[str, JsonValue] = {"id": OWN_KEY_ID, "secret_arn": secret_arn, "tenant": tenant}
    return {**settings, "rotated_keys": [own, *cast("list[JsonValue]", settings.get("rotated_keys", []))]}
