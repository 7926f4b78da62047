"""Valkey on AWS."""

from collections.abc import Mapping, Sequence
from typing import NotRequired, TypedDict

import pulumi
from pulumi_aws import ec2, elasticache, kms, vpc

from moorage.aws.cache_spec import CacheSpec
from moorage.aws.encryption_key import create_key
from moorage.aws.names import check_name
from moorage.aws.serverless_cache import create_serverless_cache
from moorage.aws.tags import named
from moorage.credentials.password import Password
from moorage.spec.gateway_settings import GatewaySettings
from moorage.spec.parsing import known_of, parse

PORT = 6379
# docs.aws.amazon.com/AmazonElastiCache/latest/dg/ParameterGroups.Engine.html (read 2026-11-25)
ENGINE_VERSION = "8.2"
_FAMILY = "valkey8"
_SNAPSHOT_RETENTION_DAYS = 1


class ElastiCacheValkeyArgs(TypedDict):
    """What it has to hold, and who may reach it."""

    vpc_id: pulumi.Input[str]
    """Where the subnets are."""
    subnet_ids: pulumi.Input[Sequence[str]]
    """Private ones, in as many zones as there are nodes."""
    client_security_group_ids: Sequence[pulumi.Input[str]]
    """Whose members may connect, such as the gateways'; nobody else does."""
    settings: NotRequired[GatewaySettings]
    """Those of the gateways: how much they may store follows from them. Default: no cache, limits and usage alone."""
    serverless: NotRequired[bool]
    """Whether it is ElastiCache Serverless, which is paid by what is stored and asked, in place of nodes that are paid
    by the hour. Default: nodes."""
    memory_mib: NotRequired[int]
    """What it stores at most: the smallest node that holds it is taken, and a serverless cache is limited to it, in
    whole GB. Default: what `settings` need."""
    replicas: NotRequired[int]
    """Nodes that take over when the first one fails, each in another zone; 0 where a lost cache is no harm. Not with
    `serverless`. Default: 1."""
    tags: NotRequired[Mapping[str, str]]
    """On every resource. Default: none."""


class ElastiCacheValkey(pulumi.ComponentResource):
    """One Valkey for all gateways of a stack: TLS alone, with a password that nobody has to know, encrypted at rest.

    Nodes are one shard. ElastiCache Serverless is a cluster of shards behind one address, whose keys are parted by
    tenant. Full nodes refuse what is new; a full serverless cache evicts what was used least lately and has a time to
    live, which limits and usage have as well as answers (docs.aws.amazon.com/AmazonElastiCache/latest/dg/Scaling.html,
    read 2026-11-26): it is not to become full, and what `settings` need is an upper bound.

    `pulumi up --replace URN` of its password renews it. Nodes go on to take the old one as well; a serverless cache
    does not, so that gateways with the old one, if they lose their connection, are without a cache until they are
    replaced.
    """

    url: pulumi.Output[str]
    """`rediss://:password@host:port/0`, as the gateway takes it; a secret. Its certificate is one of Amazon's, which
    every system trusts."""
    security_group_id: pulumi.Output[str]
    """Of its nodes, or of the endpoint of the serverless cache."""

    def __init__(self, name: str, args: ElastiCacheValkeyArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Raises `moorage.spec.SpecError` for arguments that cannot be served."""
        super().__init__("moorage:index:ElastiCacheValkey", name, dict(args), opts)
        check_name(name)
        self._name, self._spec = name, parse(CacheSpec, known_of(CacheSpec, args), "")
        self._child = pulumi.ResourceOptions(parent=self)
        password = Password(f"{name}-password", self._child).password
        group = self._create_security_group(args)
        create = self._create_serverless if self._spec.serverless else self._create_nodes
        address = create(args, group, password)
        self.security_group_id = group.id
        self.url = pulumi.Output.concat("rediss://:", password, "@", address, f":{PORT}/0")
        self.register_outputs({"url": self.url, "security_group_id": self.security_group_id})

    def _create_security_group(self, args: ElastiCacheValkeyArgs) -> ec2.SecurityGroup:
        """Without a way out: a cache asks nobody."""
        name = f"{self._name}-nodes"
        group = ec2.SecurityGroup(
            name,
            vpc_id=args["vpc_id"],
            description="Valkey, for the gateways",
            tags=named(name, self._spec.tags),
            opts=self._child,
        )
        for index, client in enumerate(args["client_security_group_ids"]):
            vpc.SecurityGroupIngressRule(
                f"{name}-{index}",
                security_group_id=group.id,
                description="Valkey from a gateway",
                ip_protocol="tcp",
                from_port=PORT,
                to_port=PORT,
                referenced_security_group_id=client,
                tags=named(f"{name}-{index}", self._spec.tags),
                opts=self._child,
            )
        return group

    def _create_key(self) -> kms.Key:
        return create_key(
            f"{self._name}-key", description=f"Cache {self._name}", tags=self._spec.tags, opts=self._child
        )

    def _create_serverless(
        self, args: ElastiCacheValkeyArgs, group: ec2.SecurityGroup, password: pulumi.Output[str]
    ) -> pulumi.Output[str]:
        cache = create_serverless_cache(
            self._name,
            major_engine_version=ENGINE_VERSION.partition(".")[0],
            max_data_storage_gb=self._spec.max_data_storage_gb,
            subnet_ids=args["subnet_ids"],
            security_group=group,
            key=self._create_key(),
            password=password,
            snapshot_retention_days=_SNAPSHOT_RETENTION_DAYS,
            tags=self._spec.tags,
            opts=self._child,
        )
        return cache.endpoints[0].address

    def _create_nodes(
        self, args: ElastiCacheValkeyArgs, group: ec2.SecurityGroup, password: pulumi.Output[str]
    ) -> pulumi.Output[str]:
        # Short, for the limit is 40 characters with those that make it unique.
        name = f"{self._name}-v"
        nodes = elasticache.ReplicationGroup(
            name,
            description=f"Moorage {self._name}",
            engine="valkey",
            engine_version=ENGINE_VERSION,
            node_type=self._spec.node_type.node_type,
            num_cache_clusters=1 + self._spec.replicas,
            automatic_failover_enabled=self._spec.replicas > 0,
            multi_az_enabled=self._spec.replicas > 0,
            port=PORT,
            parameter_group_name=self._create_parameters().name,
            subnet_group_name=self._create_subnet_group(args).name,
            security_group_ids=[group.id],
            transit_encryption_enabled=True,
            transit_encryption_mode="required",
            at_rest_encryption_enabled=True,
            kms_key_id=self._create_key().arn,
            auth_token=password,
            auth_token_update_strategy="ROTATE",  # noqa: S106 - what becomes of the old one
            snapshot_retention_limit=_SNAPSHOT_RETENTION_DAYS,
            auto_minor_version_upgrade=True,
            # Otherwise a new size or password waits for the maintenance window, up to a week.
            apply_immediately=True,
            tags=named(name, self._spec.tags),
            opts=self._child,
        )
        return nodes.primary_endpoint_address

    def _create_parameters(self) -> elasticache.ParameterGroup:
        """As `KubernetesValkey` has them, which says why nothing is evicted."""
        name = f"{self._name}-parameters"
        parameters = {
            "maxmemory-policy": "noeviction",
            "reserved-memory-percent": str(self._spec.node_type.reserved_memory_percent),
        }
        return elasticache.ParameterGroup(
            name,
            family=_FAMILY,
            description=f"Moorage {self._name}",
            parameters=[{"name": key, "value": value} for key, value in parameters.items()],
            tags=named(name, self._spec.tags),
            opts=self._child,
        )

    def _create_subnet_group(self, args: ElastiCacheValkeyArgs) -> elasticache.SubnetGroup:
        name = f"{self._name}-subnets"
        return elasticache.SubnetGroup(
            name,
            description=f"Moorage {self._name}",
            subnet_ids=args["subnet_ids"],
            tags=named(name, self._spec.tags),
            opts=self._child,
        )
