"""What a cluster needs that AWS does not run: nodes for its own pods, and the add-ons on all nodes."""

import pulumi
from pulumi_aws import eks, kms

from moorage.aws.cluster_roles import Role
from moorage.aws.cluster_spec import ClusterSpec
from moorage.aws.launch_template import Volume, create_launch_template
from moorage.aws.tags import named

# A node without these is never ready; CoreDNS waits for a node instead.
NODE_ADDONS = ("eks-pod-identity-agent", "kube-proxy", "vpc-cni")
CLUSTER_ADDONS = ("coredns",)
INSTANCE_TYPE = "m7i.large"
_NODE_COUNT = 2
_VOLUME_GIB = 40


def create_system_nodes(
    name: str, spec: ClusterSpec, cluster: eks.Cluster, node_role: Role, key: kms.Key, parent: pulumi.Resource
) -> list[pulumi.CustomResource]:
    """Two nodes, and add-ons in the version that EKS prefers for the cluster's."""

    def addon(addon_name: str, *after: pulumi.Resource) -> eks.Addon:
        child = f"{name}-{addon_name}"
        return eks.Addon(
            child,
            cluster_name=cluster.name,
            addon_name=addon_name,
            tags=named(child, spec.tags),
            opts=pulumi.ResourceOptions(parent=parent, depends_on=list(after)),
        )

    node_addons = [addon(addon_name) for addon_name in NODE_ADDONS]
    template = create_launch_template(
        f"{name}-system-nodes-template",
        volume=Volume(size_gib=_VOLUME_GIB),
        key_arn=key.arn,
        tags=spec.tags,
        opts=pulumi.ResourceOptions(parent=parent),
    )
    nodes = eks.NodeGroup(
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
        opts=pulumi.ResourceOptions(parent=parent, depends_on=[*node_addons, *node_role.ready]),
    )
    return [nodes, *node_addons, *(addon(addon_name, nodes) for addon_name in CLUSTER_ADDONS)]
