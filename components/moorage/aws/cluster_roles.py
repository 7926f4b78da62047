"""The roles of a cluster on AWS: its own, its nodes', and where it needs one, its VPC CNI's."""

from collections.abc import Iterable
from typing import NamedTuple

import pulumi
from pulumi_aws import iam

from moorage.aws.account import Account, account_of, managed_policy
from moorage.aws.cluster_spec import ClusterSpec
from moorage.aws.policy import Conditions, Statement, allow, pod_identity_trust, policy_document, trust
from moorage.aws.tags import named

# docs.aws.amazon.com/eks/latest/userguide/auto-cluster-iam-role.html (read 2026-11-25)
CLUSTER_POLICIES = ("AmazonEKSClusterPolicy",)
AUTO_MODE_CLUSTER_POLICIES = (
    *CLUSTER_POLICIES,
    "AmazonEKSBlockStoragePolicy",
    "AmazonEKSComputePolicy",
    "AmazonEKSLoadBalancingPolicy",
    "AmazonEKSNetworkingPolicy",
)
# docs.aws.amazon.com/eks/latest/userguide/auto-create-node-role.html (read 2026-11-25)
AUTO_MODE_NODE_POLICIES = ("AmazonEC2ContainerRegistryPullOnly", "AmazonEKSWorkerNodeMinimalPolicy")
# docs.aws.amazon.com/eks/latest/userguide/create-node-role.html (read 2026-11-25)
NODE_POLICIES = ("AmazonEC2ContainerRegistryPullOnly", "AmazonEKSWorkerNodePolicy")
# The same: the VPC CNI rather has a role of its own than the nodes'.
CNI_POLICY = "AmazonEKS_CNI_Policy"
CNI_SERVICE_ACCOUNT = "aws-node"


class Role(NamedTuple):
    """A role, with what has to be there before it can do its work."""

    arn: pulumi.Output[str]
    name: pulumi.Output[str]
    ready: list[pulumi.Resource]


def create_cluster_role(
    name: str, cluster: str, spec: ClusterSpec, account_id: pulumi.Input[str], opts: pulumi.ResourceOptions
) -> Role:
    """What EKS acts as. With Auto Mode it may tag what it launches for the cluster with a user's tags."""
    role = iam.Role(
        name,
        assume_role_policy=trust("eks.amazonaws.com", ("sts:AssumeRole", "sts:TagSession")),
        tags=named(name, spec.tags),
        opts=opts,
    )
    policies = AUTO_MODE_CLUSTER_POLICIES if spec.auto_mode else CLUSTER_POLICIES
    attached = _attach(name, role, policies, spec.region, opts)
    if not spec.auto_mode:
        return Role(role.arn, role.name, attached)
    document = account_of(spec.region, account_id).apply(
        lambda account: policy_document(*tagging_statements(account, spec.region, cluster))
    )
    tagging = iam.RolePolicy(f"{name}-tags", role=role.id, policy=document, opts=opts)
    return Role(role.arn, role.name, [*attached, tagging])


def create_node_role(name: str, spec: ClusterSpec, opts: pulumi.ResourceOptions) -> Role:
    """What nodes act as: they join the cluster and pull images."""
    role = iam.Role(name, assume_role_policy=trust("ec2.amazonaws.com"), tags=named(name, spec.tags), opts=opts)
    attached = _attach(name, role, AUTO_MODE_NODE_POLICIES if spec.auto_mode else NODE_POLICIES, spec.region, opts)
    return Role(role.arn, role.name, attached)


def create_cni_role(
    name: str, spec: ClusterSpec, cluster_arn: pulumi.Output[str], opts: pulumi.ResourceOptions
) -> Role:
    """What the VPC CNI acts as, by Pod Identity: it gives pods their addresses."""
    whose = cluster_arn.apply(lambda arn: pod_identity_trust(arn, "kube-system", CNI_SERVICE_ACCOUNT))
    role = iam.Role(name, assume_role_policy=whose, tags=named(name, spec.tags), opts=opts)
    return Role(role.arn, role.name, _attach(name, role, (CNI_POLICY,), spec.region, opts))


def tagging_statements(account: Account, region: str, cluster: str) -> list[Statement]:
    """What Auto Mode's own policies leave out: tags of a user on what it makes for this cluster.

    docs.aws.amazon.com/eks/latest/userguide/auto-learn-iam.html#tag-prop (read 2026-11-25), with the kinds of resource
    that each action makes and tags in place of `*`, and the cluster's name in place of its role's tag.
    """
    own_cluster = {"aws:RequestTag/eks:eks-cluster-name": cluster}
    of_the_cluster: Conditions = {"StringEquals": own_cluster}
    of_a_pool: Conditions = {
        "StringEquals": own_cluster,
        "StringLike": {
            "aws:RequestTag/eks:kubernetes-node-class-name": "*",
            "aws:RequestTag/eks:kubernetes-node-pool-name": "*",
        },
    }
    of_a_node: Conditions = {
        "StringEquals": own_cluster,
        "StringLike": {"aws:RequestTag/eks:kubernetes-cni-node-name": "*"},
    }

    def ec2(*kinds: str) -> list[str]:
        return [account.arn("ec2", region, f"{kind}/*") for kind in kinds]

    def balancing(*kinds: str) -> list[str]:
        return [account.arn("elasticloadbalancing", region, f"{kind}/*") for kind in kinds]

    # A snapshot's ARN has no account.
    snapshot = f"arn:{account.partition}:ec2:{region}::snapshot/*"
    launched = ("fleet", "instance", "launch-template", "network-interface", "spot-instances-request", "volume")
    balancing_actions = [f"elasticloadbalancing:Create{kind}" for kind in ("Listener", "LoadBalancer", "Rule")]
    return [
        allow("Launch", ("ec2:CreateFleet", "ec2:RunInstances"), ec2(*launched), of_a_pool),
        allow("LaunchTemplate", ("ec2:CreateLaunchTemplate",), ec2("launch-template"), of_a_pool),
        allow("Volume", ("ec2:CreateSnapshot", "ec2:CreateVolume"), [*ec2("volume"), snapshot], of_the_cluster),
        allow("NetworkInterface", ("ec2:CreateNetworkInterface",), ec2("network-interface"), of_a_node),
        allow("SecurityGroup", ("ec2:CreateSecurityGroup",), ec2("security-group"), of_the_cluster),
        allow("LoadBalancer", balancing_actions, balancing("listener", "loadbalancer"), of_the_cluster),
        allow("TargetGroup", ("elasticloadbalancing:CreateTargetGroup",), balancing("targetgroup"), of_the_cluster),
    ]


def _attach(
    name: str, role: iam.Role, policies: Iterable[str], region: str, opts: pulumi.ResourceOptions
) -> list[pulumi.Resource]:
    return [
        iam.RolePolicyAttachment(
            f"{name}-{policy}", role=role.name, policy_arn=managed_policy(region, policy), opts=opts
        )
        for policy in policies
    ]
