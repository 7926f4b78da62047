"""Workers of jobs on AWS: tasks of Fargate that nobody calls."""

from collections.abc import Mapping, Sequence
from typing import NotRequired, TypedDict

import pulumi
from pulumi_aws import cloudwatch, ecs

from moorage.aws.container_definition import container_definitions
from moorage.aws.ecr_image import repository_arn
from moorage.aws.fargate_service import create_fargate_service, create_fargate_task
from moorage.aws.job_place import job_place_environment
from moorage.aws.names import check_name
from moorage.aws.rollout import rolled_out_service
from moorage.aws.task_surroundings import TaskRole, TaskSecret, TaskSurroundings, task_family
from moorage.aws.worker_scaling import WorkerScaling
from moorage.aws.worker_spec import API_KEY_VARIABLE, FargateWorkerSpec
from moorage.credentials.api_key import ApiKey
from moorage.spec.arguments import ServiceLevelArgs
from moorage.spec.gateway_document import Key, generated_key
from moorage.spec.parsing import known_of, parse


class FargateWorkerArgs(TypedDict):
    """Where it runs, where its jobs are, and whom it asks."""

    region: str
    """Such as `eu-central-1`."""
    account_id: pulumi.Input[str]
    """Whose it is, as `AwsNetwork` gives it."""
    cluster_name: pulumi.Input[str]
    """As `EcsCluster` gives it."""
    subnet_ids: pulumi.Input[Sequence[str]]
    """Private ones, as `AwsNetwork` gives them."""
    security_group_id: pulumi.Input[str]
    """As `WorkloadSecurityGroup` gives it; has to let out to the gateways."""
    image: str
    """The serving image, by its digest."""
    endpoint: pulumi.Input[str]
    """Of the gateways, without `/v1`, as `StreamLoadBalancer` gives it."""
    queue_url: pulumi.Input[str]
    """As `SqsJobQueue` gives it."""
    queue_name: pulumi.Input[str]
    """The same."""
    bucket_name: pulumi.Input[str]
    """The same."""
    table_name: pulumi.Input[str]
    """The same."""
    result_retention_days: NotRequired[pulumi.Input[int]]
    """The same. Default: 14."""
    consumer_policy: pulumi.Input[str]
    """The same: all that workers may do in the account."""
    tenant: NotRequired[str]
    """Of the workers' key, out of the gateways' tenants. Default: one without limits."""
    service_level: NotRequired[ServiceLevelArgs]
    """Decides how long a worker that is stopped finishes its jobs, 100 seconds at most. Default:
    `moorage.spec.ServiceLevel`'s."""
    concurrency: NotRequired[int]
    """Jobs of one worker at once, 1 to 256. Default: 16."""
    min_replicas: NotRequired[int]
    """With 0, the first job waits some minutes for a worker. Default: 1."""
    max_replicas: NotRequired[int]
    """By the jobs in the queue. Default: 4."""
    architecture: NotRequired[str]
    """Of the image: `arm64`, which costs a fifth less, or `x86_64`. Default: `x86_64`."""
    log_retention_days: NotRequired[int]
    """Of its log, which has a line for each job, without its content. Default: 90."""
    tags: NotRequired[Mapping[str, str]]
    """On every resource. Default: none."""


class FargateWorker(pulumi.ComponentResource):
    """Workers that take jobs from a queue and send them to gateways, with a key of their own.

    So limits and caches hold for jobs as they do for all requests.

    A worker that is to go takes no more jobs, finishes what it can, and gives back the rest: none is lost.
    """

    gateway_key: pulumi.Output[Key]
    """What the gateways have to know of the workers' key: its hash."""
    service_name: pulumi.Output[str]
    log_group_name: pulumi.Output[str]
    task_role_arn: pulumi.Output[str]

    def __init__(self, name: str, args: FargateWorkerArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Raises `moorage.spec.SpecError` for a worker that Fargate would not run."""
        super().__init__("moorage:index:FargateWorker", name, dict(args), opts)
        check_name(name)
        self._name, self._spec = name, parse(FargateWorkerSpec, known_of(FargateWorkerSpec, args), "")
        self._child = pulumi.ResourceOptions(parent=self)
        around = TaskSurroundings.of(name, self._spec, args["account_id"], self._child)
        key = around.create_key(f"Worker {name}")
        log_group = around.create_log_group(key)
        api_key = ApiKey(f"{name}-key-of-gateways", self._child).key
        secret = around.create_secret("api-key", "The key with which workers ask the gateways", api_key, key)
        execution = around.create_execution_role(
            log_group, key, secrets=[secret], repository_arn=repository_arn(self._spec.image)
        )
        task_role = around.create_task_role([args["consumer_policy"]])
        task = self._create_task(args, log_group, secret, (execution, task_role))
        service = self._create_service(args, task, [*execution.rights, *task_role.rights])
        self._scale(args, service)
        tenant = self._spec.tenant
        self.gateway_key = pulumi.Output.unsecret(api_key).apply(lambda value: generated_key(value, tenant, name))
        self.service_name = rolled_out_service(service, task)
        self.log_group_name, self.task_role_arn = log_group.name, task_role.arn
        self.register_outputs(
            {
                "gateway_key": self.gateway_key,
                "service_name": self.service_name,
                "log_group_name": self.log_group_name,
                "task_role_arn": self.task_role_arn,
            }
        )

    def _create_task(
        self,
        args: FargateWorkerArgs,
        log_group: cloudwatch.LogGroup,
        secret: TaskSecret,
        roles: tuple[TaskRole, TaskRole],
    ) -> ecs.TaskDefinition:
        spec, name, (execution, task_role) = self._spec, f"{self._name}-task", roles
        place = {**job_place_environment(args), "MOORAGE_JOBS_ENDPOINT": args["endpoint"]}
        known = pulumi.Output.all(pulumi.Output.from_input(place), log_group.name, secret.version_arn)
        return create_fargate_task(
            name,
            family=task_family(args["cluster_name"], self._name),
            size=spec.size,
            architecture=spec.architecture,
            execution_role_arn=execution.arn,
            task_role_arn=task_role.arn,
            volumes=spec.volumes,
            container_definitions=known.apply(
                lambda parts: container_definitions(spec.container(parts[0], parts[1], {API_KEY_VARIABLE: parts[2]}))
            ),
            tags=spec.tags,
            opts=self._child,
        )

    def _create_service(
        self, args: FargateWorkerArgs, task: ecs.TaskDefinition, rights: Sequence[pulumi.Resource]
    ) -> ecs.Service:
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
            tags=self._spec.tags,
            # How many there are, the autoscaler says from then on.
            opts=pulumi.ResourceOptions(parent=self, ignore_changes=["desiredCount"], depends_on=list(rights)),
        )

    def _scale(self, args: FargateWorkerArgs, service: ecs.Service) -> None:
        WorkerScaling(
            name=self._name,
            cluster_name=args["cluster_name"],
            service_name=service.name,
            queue_name=args["queue_name"],
            min_replicas=self._spec.min_replicas,
            max_replicas=self._spec.max_replicas,
            jobs_per_worker=self._spec.jobs_per_worker,
            tags=self._spec.tags,
            opts=self._child,
        ).create()
