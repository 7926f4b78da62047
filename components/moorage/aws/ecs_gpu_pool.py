"""GPU instances of Amazon ECS that come when an engine needs one, and go when none does."""

from collections.abc import Mapping, Sequence
from typing import NotRequired, TypedDict

import pulumi
from pulumi_aws import autoscaling, ec2, ecs, iam, kms

from moorage.aws.account import Account, account_of
from moorage.aws.ecs_gpu_pool_spec import AMI_PARAMETER, EcsGpuPoolSpec, user_data
from moorage.aws.encryption_key import create_key, key_policy, used_by_volumes
from moorage.aws.names import check_name
from moorage.aws.policy import allow, policy_document, trust
from moorage.aws.security_group import create_group
from moorage.aws.tags import named
from moorage.spec.parsing import known_of, parse

_ROOT_DEVICE = "/dev/xvda"
_TAGGED = ("instance", "network-interface", "volume")
_WARMUP_SECONDS = 300
"""Amazon ECS' own default, until an instance counts as there (botocore 1.43.117, ecs: ManagedScaling)."""


class EcsPoolRungArgs(TypedDict):
    """One kind of instance."""

    instance_type: str
    """Such as `g6e.xlarge`."""
    capacity_type: str
    """`on-demand` or `spot`."""


class EcsGpuPoolArgs(TypedDict):
    """Which instances the pool may have, and how many."""

    region: str
    """Such as `eu-central-1`."""
    account_id: pulumi.Input[str]
    """Whose it is, as `AwsNetwork` gives it."""
    cluster_name: pulumi.Input[str]
    """As `EcsCluster` gives it. A cluster has one pool."""
    vpc_id: pulumi.Input[str]
    """As `AwsNetwork` gives it."""
    subnet_ids: pulumi.Input[Sequence[str]]
    """Private ones, as `AwsNetwork` gives them."""
    rungs: Sequence[EcsPoolRungArgs]
    """The preferred instance type first. With spot and on demand, half of the fewest engines are on demand."""
    min_replicas: int
    """The fewest engines, one on an instance."""
    max_instances: int
    """No load costs more: the most engines, and those that a deployment has besides."""
    volume_gib: NotRequired[int]
    """Of an instance's disk, for images and what tasks write. Default: 100."""
    tags: NotRequired[Mapping[str, str]]
    """On every resource, and on the instances, their volumes and their network interfaces. Default: none."""


class EcsGpuPool(pulumi.ComponentResource):
    """An Auto Scaling group that Amazon ECS scales by the tasks that wait for a GPU: its capacity provider.

    An instance with an engine on it is not taken away to save money, and one that has to go is drained first. Give the
    engines the pool in `depends_on`: else both are removed at the same time.
    """

    capacity_provider_name: pulumi.Output[str]
    """What an engine takes to run here."""

    def __init__(self, name: str, args: EcsGpuPoolArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Raises `moorage.spec.SpecError` for a pool that cannot be."""
        super().__init__("moorage:index:EcsGpuPool", name, dict(args), opts)
        check_name(name)
        self._name = name
        self._spec = parse(EcsGpuPoolSpec, {"name": name, **known_of(EcsGpuPoolSpec, args)}, "")
        self._child = pulumi.ResourceOptions(parent=self)
        account = account_of(self._spec.region, args["account_id"])
        group = self._create_group(args, self._create_launch_template(args, account))
        provider = self._create_provider(group)
        attached = ecs.ClusterCapacityProviders(
            f"{name}-of-cluster",
            cluster_name=args["cluster_name"],
            capacity_providers=[provider.name],
            opts=self._child,
        )
        # An engine needs the cluster to know the provider, not only the provider.
        self.capacity_provider_name = pulumi.Output.all(provider.name, attached.id).apply(lambda known: known[0])
        self.register_outputs({"capacity_provider_name": self.capacity_provider_name})

    def _create_launch_template(self, args: EcsGpuPoolArgs, account: pulumi.Output[Account]) -> ec2.LaunchTemplate:
        name, tags = f"{self._name}-template", self._spec.tags
        return ec2.LaunchTemplate(
            name,
            image_id=f"resolve:ssm:{AMI_PARAMETER}",
            iam_instance_profile={"arn": self._create_profile(args, account).arn},
            vpc_security_group_ids=[self._create_security_group(args).id],
            metadata_options={
                "http_endpoint": "enabled",
                "http_tokens": "required",
                "http_put_response_hop_limit": 1,
                "instance_metadata_tags": "disabled",
            },
            block_device_mappings=[
                {
                    "device_name": _ROOT_DEVICE,
                    "ebs": {
                        "volume_type": "gp3",
                        "volume_size": self._spec.volume_gib,
                        "encrypted": "true",
                        "kms_key_id": self._create_volume_key(account).arn,
                        "delete_on_termination": "true",
                    },
                }
            ],
            user_data=pulumi.Output.from_input(args["cluster_name"]).apply(
                lambda cluster_name: user_data(cluster_name, has_spot=self._spec.has_spot)
            ),
            update_default_version=True,
            tag_specifications=[{"resource_type": kind, "tags": named(name, tags)} for kind in _TAGGED],
            tags=named(name, tags),
            opts=self._child,
        )

    def _create_volume_key(self, account: pulumi.Output[Account]) -> kms.Key:
        name = f"{self._name}-key"
        return create_key(
            name,
            description=f"Disks of the instances of {self._name}",
            policy=account.apply(lambda known: key_policy(known, used_by_volumes(known, self._spec.region))),
            tags=self._spec.tags,
            opts=self._child,
        )

    def _create_profile(self, args: EcsGpuPoolArgs, account: pulumi.Output[Account]) -> iam.InstanceProfile:
        """What the agent may: join this one cluster, and tell it of its tasks."""
        role_name = f"{self._name}-role"
        role = iam.Role(
            role_name,
            assume_role_policy=trust("ec2.amazonaws.com"),
            tags=named(role_name, self._spec.tags),
            opts=self._child,
        )
        policy = pulumi.Output.all(account, args["cluster_name"]).apply(
            lambda known: agent_policy(Account(*known[0]), self._spec.region, known[1])
        )
        iam.RolePolicy(f"{self._name}-policy", role=role.id, policy=policy, opts=self._child)
        name = f"{self._name}-profile"
        return iam.InstanceProfile(name, role=role.name, tags=named(name, self._spec.tags), opts=self._child)

    def _create_security_group(self, args: EcsGpuPoolArgs) -> ec2.SecurityGroup:
        """Of the instances: what their tasks take and send goes through the tasks' own."""
        name = f"{self._name}-instances"
        return create_group(
            name,
            https_name=f"{name}-https",
            vpc_id=args["vpc_id"],
            description=f"Instances of {self._name}",
            https_description="Amazon ECS and the images",
            tags=self._spec.tags,
            opts=self._child,
        )

    def _create_group(self, args: EcsGpuPoolArgs, template: ec2.LaunchTemplate) -> autoscaling.Group:
        spec, name = self._spec, f"{self._name}-group"
        return autoscaling.Group(
            name,
            min_size=0,
            max_size=spec.max_instances,
            vpc_zone_identifiers=args["subnet_ids"],
            mixed_instances_policy={
                "launch_template": {
                    "launch_template_specification": {"launch_template_id": template.id, "version": "$Latest"},
                    "overrides": [{"instance_type": instance_type} for instance_type in spec.instance_types],
                },
                "instances_distribution": {
                    "on_demand_allocation_strategy": "prioritized",
                    "on_demand_base_capacity": spec.on_demand_base,
                    "on_demand_percentage_above_base_capacity": spec.on_demand_percentage_above_base,
                    "spot_allocation_strategy": "capacity-optimized-prioritized",
                },
            },
            capacity_rebalance=spec.has_spot,
            # Amazon ECS lifts it of an instance that has no task left.
            protect_from_scale_in=True,
            # Or `destroy` would wait for instances that are protected.
            force_delete=True,
            wait_for_capacity_timeout="0",
            tags=[
                {"key": key, "value": value, "propagate_at_launch": True}
                for key, value in {**named(name, spec.tags), "AmazonECSManaged": "true"}.items()
            ],
            # How many there are, Amazon ECS says.
            opts=pulumi.ResourceOptions(parent=self, ignore_changes=["desiredCapacity"]),
        )

    def _create_provider(self, group: autoscaling.Group) -> ecs.CapacityProvider:
        name = f"{self._name}-capacity"
        return ecs.CapacityProvider(
            name,
            auto_scaling_group_provider={
                "auto_scaling_group_arn": group.arn,
                "managed_draining": "ENABLED",
                "managed_termination_protection": "ENABLED",
                "managed_scaling": {
                    "status": "ENABLED",
                    # No GPU is paid for that no engine uses.
                    "target_capacity": 100,
                    "minimum_scaling_step_size": 1,
                    "maximum_scaling_step_size": self._spec.max_instances,
                    "instance_warmup_period": _WARMUP_SECONDS,
                },
            },
            tags=named(name, self._spec.tags),
            opts=self._child,
        )


def agent_policy(account: Account, region: str, cluster_name: str) -> str:
    """Those of the managed policy AmazonEC2ContainerServiceforEC2Role that the agent needs, for one cluster alone.

    docs.aws.amazon.com/AmazonECS/latest/developerguide/instance_IAM_role.html (read 2026-11-25). Images are pulled and
    logs written as the task's execution role.
    """
    cluster = account.arn("ecs", region, f"cluster/{cluster_name}")
    instances = account.arn("ecs", region, f"container-instance/{cluster_name}/*")
    return policy_document(
        # It has no resource to be bound to.
        allow("Discover", ("ecs:DiscoverPollEndpoint",), ("*",)),
        allow("Join", ("ecs:DeregisterContainerInstance", "ecs:RegisterContainerInstance"), (cluster,)),
        allow(
            "Tell",
            (
                "ecs:SubmitAttachmentStateChanges",
                "ecs:SubmitContainerStateChange",
                "ecs:SubmitTaskStateChange",
            ),
            (cluster,),
        ),
        allow(
            "Serve",
            ("ecs:Poll", "ecs:StartTelemetrySession", "ecs:UpdateContainerInstancesState"),
            (instances,),
        ),
    )
