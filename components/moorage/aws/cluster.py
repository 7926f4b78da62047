"""A Kubernetes cluster on AWS."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from ipaddress import IPv4Network
from typing import NotRequired, TypedDict

import pulumi
from pulumi_aws import cloudwatch, eks, kms

from moorage.aws.account import Account, account_of, partition_of
from moorage.aws.cluster_roles import Role, create_cluster_role, create_node_role
from moorage.aws.cluster_spec import ClusterSpec
from moorage.aws.encryption_key import create_key, key_policy, used_by_log_group, used_by_volumes
from moorage.aws.kubeconfig import kubeconfig
from moorage.aws.kubernetes_versions import support_notice
from moorage.aws.names import check_name
from moorage.aws.system_nodes import create_system_nodes
from moorage.aws.tags import named
from moorage.spec.parsing import parse

CONTROL_PLANE_LOGS = ("api", "audit", "authenticator", "controllerManager", "scheduler")
BUILT_IN_NODE_POOLS = ("general-purpose", "system")
_CREATED_ELSEWHERE = frozenset({"account_id", "subnet_ids"})
# docs.aws.amazon.com/eks/latest/userguide/access-policy-permissions.html
_ADMINISTRATOR = "AmazonEKSClusterAdminPolicy"


class EksClusterArgs(TypedDict):
    """Where it is, who reaches it, and who runs its nodes."""

    region: str
    """Such as `eu-central-1`."""
    account_id: pulumi.Input[str]
    """Whose it is, as `AwsNetwork` gives it."""
    subnet_ids: pulumi.Input[Sequence[str]]
    """Private ones, in at least two zones, as `AwsNetwork` gives them. Later ones have to be in the same zones."""
    cluster_name: NotRequired[str]
    """What AWS calls it, once in an account and region: another one later would replace the cluster. Default: as the
    component is called."""
    version: NotRequired[str]
    """Of Kubernetes: a minor one, such as `1.35`, which it is until another one is asked for. Default: 1.35."""
    service_ipv4_cidr: NotRequired[str]
    """Of the addresses of Services, from /12 to /24, of private ones that the VPC and what it is connected with do not
    have. Another one later would replace the cluster. Default: 172.20.0.0/16."""
    auto_mode: NotRequired[bool]
    """Whether AWS runs nodes, load balancers and volumes (EKS Auto Mode). Without it, the cluster gets add-ons and two
    small nodes for what every cluster needs, and whoever wants more nodes brings them. Default: AWS runs them."""
    public_access_cidrs: NotRequired[Sequence[str]]
    """The networks outside the VPC from which its API is reached, never all. Default: none, its API is private."""
    administrators: NotRequired[Mapping[str, str]]
    """A name of your own to the ARN of an IAM role or user who has all rights inside the cluster. Whoever creates the
    cluster has them too. Default: nobody else."""
    log_retention_days: NotRequired[int]
    """How long the control plane's logs are kept, the audit log among them. Default: 90."""
    deletion_protection: NotRequired[bool]
    """Whether cluster and key refuse to be deleted. Default: they do."""
    tags: NotRequired[Mapping[str, str]]
    """On every resource. Default: none."""


class EksCluster(pulumi.ComponentResource):
    """An EKS cluster: private, encrypted with a key of its own, its control plane logged.

    People get in by access entries; pods get at AWS's services by `EksWorkloadIdentity`.
    """

    name: pulumi.Output[str]
    arn: pulumi.Output[str]
    """What a provider for it takes as `cluster_identifier`, so that a new kubeconfig replaces nothing."""
    endpoint: pulumi.Output[str]
    certificate_authority: pulumi.Output[str]
    """In base64."""
    kubeconfig: pulumi.Output[str]
    """A secret, though it holds no token: it runs `aws eks get-token`."""
    kubernetes_version: pulumi.Output[str]
    security_group_id: pulumi.Output[str]
    """Of the control plane and the nodes."""
    node_role_arn: pulumi.Output[str]
    node_role_name: pulumi.Output[str]
    dns_address: pulumi.Output[str]
    """Of the resolver that pods ask, which is a Service's and with Auto Mode belongs to no pod."""
    key_arn: pulumi.Output[str]
    """Of the key for its secrets, its logs and its nodes' volumes."""

    def __init__(self, name: str, args: EksClusterArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Raises `moorage.spec.SpecError` for a cluster that AWS would refuse, or that all the world would reach."""
        super().__init__("moorage:index:EksCluster", name, dict(args), opts)
        check_name(name)
        self._spec = parse(
            ClusterSpec, {key: value for key, value in args.items() if key not in _CREATED_ELSEWHERE}, ""
        )
        self._cluster_name = self._spec.cluster_name or name
        self._warn_of_the_end_of_support()
        role = create_cluster_role(f"{name}-role", self._cluster_name, self._spec, args["account_id"], self._child())
        node_role = create_node_role(f"{name}-node-role", self._spec, self._child())
        key = self._create_key(name, account_of(self._spec.region, args["account_id"]))
        log_group = self._create_log_group(name, key)
        cluster = self._create_cluster(name, args["subnet_ids"], (role, node_role), key, log_group)
        ready = [
            *self._create_access(name, cluster),
            *([] if self._spec.auto_mode else create_system_nodes(name, self._spec, cluster, node_role, key, self)),
        ]
        self.name, self.arn, self.endpoint = cluster.name, cluster.arn, cluster.endpoint
        self.certificate_authority = cluster.certificate_authority.apply(lambda authority: authority.data or "")
        self.kubeconfig = self._kubeconfig(ready)
        self.kubernetes_version = cluster.version
        self.security_group_id = cluster.vpc_config.apply(lambda config: config.cluster_security_group_id or "")
        self.node_role_arn, self.node_role_name = node_role.arn, node_role.name
        self.dns_address = pulumi.Output.from_input(_dns_address(self._spec.service_ipv4_cidr))
        self.key_arn = key.arn
        self.register_outputs(
            {
                "name": self.name,
                "arn": self.arn,
                "endpoint": self.endpoint,
                "certificate_authority": self.certificate_authority,
                "kubeconfig": self.kubeconfig,
                "kubernetes_version": self.kubernetes_version,
                "security_group_id": self.security_group_id,
                "node_role_arn": self.node_role_arn,
                "node_role_name": self.node_role_name,
                "dns_address": self.dns_address,
                "key_arn": self.key_arn,
            }
        )

    def _warn_of_the_end_of_support(self) -> None:
        notice = support_notice(self._spec.version, datetime.now(UTC).date())
        if notice is not None:
            pulumi.log.warn(notice, self)

    def _create_key(self, name: str, account: pulumi.Output[Account]) -> kms.Key:
        region, log_group = self._spec.region, _log_group(self._cluster_name)
        return create_key(
            f"{name}-key",
            description=f"Cluster {self._cluster_name}: secrets, control plane's logs, nodes' volumes",
            policy=account.apply(
                lambda account: key_policy(
                    account, used_by_log_group(account, region, log_group), used_by_volumes(account, region)
                )
            ),
            tags=self._spec.tags,
            deletion_protection=self._spec.deletion_protection,
            opts=pulumi.ResourceOptions(parent=self, protect=self._spec.deletion_protection),
        )

    def _create_log_group(self, name: str, key: kms.Key) -> cloudwatch.LogGroup:
        # EKS would make it itself, to be kept for ever and encrypted with a key of AWS's.
        return cloudwatch.LogGroup(
            f"{name}-logs",
            name=_log_group(self._cluster_name),
            retention_in_days=self._spec.log_retention_days,
            kms_key_id=key.arn,
            tags=named(f"{name}-logs", self._spec.tags),
            opts=self._child(),
        )

    def _create_cluster(
        self,
        name: str,
        subnet_ids: pulumi.Input[Sequence[str]],
        roles: tuple[Role, Role],
        key: kms.Key,
        log_group: cloudwatch.LogGroup,
    ) -> eks.Cluster:
        role, node_role = roles
        auto_mode, outside = self._spec.auto_mode, list(self._spec.public_access_cidrs)
        return eks.Cluster(
            f"{name}-cluster",
            name=self._cluster_name,
            version=self._spec.version,
            role_arn=role.arn,
            vpc_config={
                "subnet_ids": subnet_ids,
                "endpoint_private_access": True,
                "endpoint_public_access": bool(outside),
                "public_access_cidrs": outside or None,
            },
            # Both are decided once: another value would replace the cluster.
            access_config={"authentication_mode": "API", "bootstrap_cluster_creator_admin_permissions": True},
            bootstrap_self_managed_addons=False,
            compute_config={
                "enabled": auto_mode,
                "node_pools": list(BUILT_IN_NODE_POOLS) if auto_mode else None,
                "node_role_arn": node_role.arn if auto_mode else None,
            },
            kubernetes_network_config={
                "service_ipv4_cidr": self._spec.service_ipv4_cidr,
                "elastic_load_balancing": {"enabled": auto_mode},
            },
            storage_config={"block_storage": {"enabled": auto_mode}},
            encryption_config={"provider": {"key_arn": key.arn}, "resources": ["secrets"]},
            enabled_cluster_log_types=list(CONTROL_PLANE_LOGS),
            # It stays the version that was asked for. Else AWS would move it on when standard support ends, and the
            # next update would ask to go back, which it refuses.
            upgrade_policy={"support_type": "EXTENDED"},
            deletion_protection=self._spec.deletion_protection,
            tags=named(self._cluster_name, self._spec.tags),
            opts=self._child(*role.ready, *node_role.ready, log_group),
        )

    def _create_access(self, name: str, cluster: eks.Cluster) -> list[pulumi.CustomResource]:
        policy_arn = f"arn:{partition_of(self._spec.region)}:eks::aws:cluster-access-policy/{_ADMINISTRATOR}"
        associations: list[pulumi.CustomResource] = []
        for who, principal in self._spec.administrators.items():
            child = f"{name}-administrator-{who}"
            entry = eks.AccessEntry(
                child,
                cluster_name=cluster.name,
                principal_arn=principal,
                tags=named(child, self._spec.tags),
                opts=self._child(),
            )
            association = eks.AccessPolicyAssociation(
                f"{child}-policy",
                cluster_name=cluster.name,
                principal_arn=entry.principal_arn,
                policy_arn=policy_arn,
                access_scope={"type": "cluster"},
                opts=self._child(),
            )
            associations.append(association)
        return associations

    def _kubeconfig(self, ready: Sequence[pulumi.CustomResource]) -> pulumi.Output[str]:
        """Whoever uses it comes after what is `ready`, and goes before it."""
        region = self._spec.region
        known = pulumi.Output.all(
            self.name, self.endpoint, self.certificate_authority, *(resource.id for resource in ready)
        )
        return pulumi.Output.secret(
            known.apply(
                lambda known: kubeconfig(
                    name=known[0], region=region, endpoint=known[1], certificate_authority=known[2]
                )
            )
        )

    def _child(self, *after: pulumi.Resource) -> pulumi.ResourceOptions:
        return pulumi.ResourceOptions(parent=self, depends_on=list(after))


def _log_group(name: str) -> str:
    """EKS's own name for it (docs.aws.amazon.com/eks/latest/userguide/control-plane-logs.html, read 2026-11-25)."""
    return f"/aws/eks/{name}/cluster"


def _dns_address(service_range: str) -> str:
    """The tenth of the Services (github.com/awslabs/amazon-eks-ami, nodeadm/internal/api/net.go, read 2026-11-25)."""
    return str(IPv4Network(service_range)[10])
