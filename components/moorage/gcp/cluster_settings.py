"""What a cluster and its nodes are set to: pure."""

from collections.abc import Mapping

import pulumi
from pulumi_gcp import container

from moorage.gcp.cluster_spec import ClusterSpec

# Of those in pulumi-gcp 10.2, ClusterMonitoringConfigArgs: what pods and GPUs do. The control plane's own metrics are
# charged for and say little of how a model is served.
_METRICS = (
    "SYSTEM_COMPONENTS",
    "STORAGE",
    "POD",
    "DEPLOYMENT",
    "STATEFULSET",
    "DAEMONSET",
    "HPA",
    "CADVISOR",
    "KUBELET",
    "DCGM",
)
_LOGS = ("SYSTEM_COMPONENTS", "WORKLOADS", "APISERVER", "SCHEDULER", "CONTROLLER_MANAGER")
SCOPES = ("https://www.googleapis.com/auth/cloud-platform",)
"""Of a node's token. IAM alone decides what its account may do, as pulumi-gcp 10.2 recommends."""
KUBELET: container.NodePoolNodeConfigKubeletConfigArgsDict = {"insecure_kubelet_readonly_port_enabled": "FALSE"}
ADDONS: container.ClusterAddonsConfigArgsDict = {
    "gce_persistent_disk_csi_driver_config": {"enabled": True},
    "gcs_fuse_csi_driver_config": {"enabled": True},
    "dns_cache_config": {"enabled": True},
    # The Gateway API's controller comes with it.
    "http_load_balancing": {"disabled": False},
    "horizontal_pod_autoscaling": {"disabled": False},
}
MONITORING: container.ClusterMonitoringConfigArgsDict = {
    "enable_components": list(_METRICS),
    "managed_prometheus": {"enabled": True},
}
LOGGING: container.ClusterLoggingConfigArgsDict = {"enable_components": list(_LOGS)}
# A binding to system:authenticated would open a cluster to everybody who has an account with Google.
RBAC: container.ClusterRbacBindingConfigArgsDict = {
    "enable_insecure_binding_system_authenticated": False,
    "enable_insecure_binding_system_unauthenticated": False,
}
NODE_POOL_DEFAULTS: container.ClusterNodePoolDefaultsArgsDict = {
    "node_config_defaults": {
        "gcfs_config": {"enabled": True},
        "insecure_kubelet_readonly_port_enabled": "FALSE",
    }
}
# Of the pools that a ComputeClass makes.
NODE_POOL_AUTO_CONFIG: container.ClusterNodePoolAutoConfigArgsDict = {
    "node_kubelet_config": {"insecure_kubelet_readonly_port_enabled": "FALSE"}
}


def control_plane_endpoints(spec: ClusterSpec) -> container.ClusterControlPlaneEndpointsConfigArgsDict:
    """One way in: an address in the network, or a name of which IAM decides who gets through.

    The name resolves in the internet, too; for `private` nothing passes it but Google's own services
    (docs.cloud.google.com/python/docs/reference/container, DNSEndpointConfig, read 2026-11-25).
    """
    by_name = spec.control_plane_access == "dns"
    return {
        "dns_endpoint_config": {"allow_external_traffic": by_name},
        "ip_endpoints_config": {"enabled": not by_name},
    }


def authorized_networks(spec: ClusterSpec) -> container.ClusterMasterAuthorizedNetworksConfigArgsDict | None:
    """Who may use the address: the cluster's own subnet, and what `spec` names. None where there is no address."""
    if spec.control_plane_access == "dns":
        return None
    return {
        "cidr_blocks": [
            {"display_name": name, "cidr_block": block} for name, block in sorted(spec.authorized_networks.items())
        ],
        "gcp_public_cidrs_access_enabled": False,
        "private_endpoint_enforcement_enabled": True,
    }


def secure_node(
    labels: Mapping[str, str], service_account: pulumi.Input[str], kms_key_id: pulumi.Input[str]
) -> container.NodePoolNodeConfigArgsDict:
    """What every node has, with or without a GPU."""
    return {
        "image_type": "COS_CONTAINERD",
        "service_account": service_account,
        "oauth_scopes": list(SCOPES),
        "boot_disk_kms_key": kms_key_id,
        "kubelet_config": KUBELET,
        "gcfs_config": {"enabled": True},
        "gvnic": {"enabled": True},
        "shielded_instance_config": {"enable_secure_boot": True, "enable_integrity_monitoring": True},
        # Pods get their own workload's token from GKE's metadata server, never the node's.
        "workload_metadata_config": {"mode": "GKE_METADATA"},
        "metadata": {"disable-legacy-endpoints": "true"},
        "resource_labels": labels,
    }
