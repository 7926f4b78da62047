"""What a cluster needs that AWS does not run: nodes for its own pods, and the add-ons on all nodes."""

import json

import pulumi
from pulumi_aws import eks, kms

from moorage.aws.cluster_roles import CNI_SERVICE_ACCOUNT, Role, create_cni_role
from moorage.aws.cluster_spec import ClusterSpec
from moorage.aws.launch_template import Volume, create_launch_template
from moorage.aws.tags import named

# A node without these is never ready; CoreDNS waits for a node instead. They have the version that EKS prefers.
POD_IDENTITY, PROXY, CNI, DNS = "eks-pod-identity-agent", "kube-proxy", "vpc-cni", "coredns"
# NetworkPolicies are enforced (docs.aws.amazon.com/eks/latest/userguide/cni-network-policy-configure.html, read
# 2026-11-25).
_CNI_SETTINGS = json.dumps({"enableNetworkPolicy": "true"})
INSTANCE_TYPE = "m7i.large"
_NODE_COUNT = 2
_VOLUME_GIB = 40


def create_system_nodes(
    name: str, spec: ClusterSpec, cluster: eks.Cluster, node_role: Role, key: kms.Key, parent: pulumi.Resource
) -> list[pulumi.CustomResource]:
    """All of it; who uses the cluster comes after it."""

    def child(*after: pulumi.Resource) -> pulumi.ResourceOptions:
        return pulumi.ResourceOptions(parent=parent, depends_on=list(after))

    def addon(
        addon_name: str, opts: pulumi.ResourceOptions, role: Role | None = None, settings: str | None = None
    ) -> eks.Addon:
        return eks.Addon(
            f"{name}-{addon_name}",
            cluster_name=cluster.name,
            addon_name=addon_name,
            pod_identity_associations=[{"role_arn": role.arn, "service_account": CNI_SERVICE_ACCOUNT}]
            if role
            else None,
            configuration_values=settings,
            tags=named(f"{name}-{addon_name}", spec.tags),
            opts=opts,
        )

    cni_role = create_cni_role(f"{name}-cni-role", spec, cluster.arn, child())
    agent = addon(POD_IDENTITY, child())
    node_addons = [agent, addon(PROXY, child()), addon(CNI, child(agent, *cni_role.ready), cni_role, _CNI_SETTINGS)]
    nodes = _create_nodes(name, spec, cluster, node_role, key, child(*node_addons, *node_role.ready))
    return [nodes, *node_addons, addon(DNS, child(nodes))]


def _create_nodes(
    name: str,
    spec: ClusterSpec,
    cluster: eks.Cluster,
    node_role: Role,
    key: kms.Key,
    opts: pulumi.ResourceOptions,
) -> eks.NodeGroup:
    template = create_launch_template(
        f"{name}-system-nodes-template",
        volume=Volume(size_gib=_VOLUME_GIB),
        key_arn=key.arn,
        tags=spec.tags,
        opts=pulumi.ResourceOptions(parent=opts.parent),
    )
    return eks.NodeGroup(
        f"{name}-system-nodes",
        cluster_name=cluster.name,
        node_role_arn=node_role.arn,
        subnet_ids=cluster.vpc_config.apply(lambda config: config.subnet_ids),
        version=cluster.version,
        ami_type="AL2023_x86_64_STANDARD",
        instance_types=[INSTANCE_TYPE],
        scaling_config={"min_size": _NODE_COUNT, "max_size": _NODE_COUNT + 1, "desired_size": _NODE_COUNT},
        launch_template={"id": template.id, "version": template.latest_version.apply(str)},
        tags=named(f"{name}-system-nodes", spec.tags),
        opts=opts,
    )
