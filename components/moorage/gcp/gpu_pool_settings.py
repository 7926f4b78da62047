"""What the nodes of one pool with GPUs are set to: pure."""

from pulumi_gcp import container

from moorage.gcp.cluster_settings import KUBELET
from moorage.gcp.flex_start import MAX_RUN_SECONDS
from moorage.gcp.gpu_pool_spec import GpuPoolSpec
from moorage.gcp.spot_termination import (
    SHUTDOWN_GRACE_PERIOD_CRITICAL_PODS_SECONDS,
    SHUTDOWN_GRACE_PERIOD_SECONDS,
)
from moorage.kubernetes.placement import GPU_POOL_LABEL, GPU_RESOURCE, GPU_TAINT_VALUE


def gpu_node(pool: str, spec: GpuPoolSpec) -> container.NodePoolNodeConfigArgsDict:
    """What `moorage.gcp.cluster_settings.secure_node` leaves open, and the kubelet's settings."""
    machine = spec.rung.machine
    node: container.NodePoolNodeConfigArgsDict = {
        "machine_type": machine.machine_type,
        "disk_type": machine.boot_disk_type,
        "disk_size_gb": spec.boot_disk_gb,
        "guest_accelerators": [
            {
                "type": machine.accelerator_type,
                "count": machine.accelerator_count,
                "gpu_driver_installation_config": {"gpu_driver_version": "LATEST"},
            }
        ],
        "ephemeral_storage_local_ssd_config": {"local_ssd_count": machine.local_ssd_count},
        "labels": {GPU_POOL_LABEL: pool},
        # The same that GKE puts on a node with a GPU by itself, if the cluster has nodes without one.
        "taints": [{"key": GPU_RESOURCE, "value": GPU_TAINT_VALUE, "effect": "NO_SCHEDULE"}],
        "reservation_affinity": reservation_affinity(spec),
        "kubelet_config": kubelet(spec),
    }
    if spec.rung.capacity_type == "spot":
        node["spot"] = True
    if spec.rung.capacity_type == "flex-start":
        node["flex_start"] = True
        node["max_run_duration"] = f"{MAX_RUN_SECONDS}s"
    return node


def kubelet(spec: GpuPoolSpec) -> container.NodePoolNodeConfigKubeletConfigArgsDict:
    if spec.rung.capacity_type != "spot" or not spec.extended_spot_termination:
        return KUBELET
    return {
        **KUBELET,
        "shutdown_grace_period_seconds": SHUTDOWN_GRACE_PERIOD_SECONDS,
        "shutdown_grace_period_critical_pods_seconds": SHUTDOWN_GRACE_PERIOD_CRITICAL_PODS_SECONDS,
    }


def reservation_affinity(spec: GpuPoolSpec) -> container.NodePoolNodeConfigReservationAffinityArgsDict:
    """A reservation that the pool was not given is left to whom it was made for."""
    if spec.rung.capacity_type != "reservation":
        return {"consume_reservation_type": "NO_RESERVATION"}
    return {
        "consume_reservation_type": "SPECIFIC_RESERVATION",
        "key": "compute.googleapis.com/reservation-name",
        "values": [spec.reservations[spec.rung.instance_type].reference],
    }


def upgrade_settings(spec: GpuPoolSpec) -> container.NodePoolUpgradeSettingsArgsDict | None:
    """A node more where one can be had, a node less where not. Flex-start has a way of its own, which GKE sets: a node
    runs until its time is over.

    docs.cloud.google.com/kubernetes-engine/docs/concepts/node-pool-upgrade-strategies (read 2026-11-25)
    """
    if spec.rung.capacity_type == "flex-start":
        return None
    elastic = spec.pool_kind == "elastic"
    return {"strategy": "SURGE", "max_surge": int(elastic), "max_unavailable": int(not elastic)}


def management(spec: GpuPoolSpec) -> container.NodePoolManagementArgsDict:
    """Google starts flex-start pools without auto-repair
    (docs.cloud.google.com/ai-hypercomputer/docs/create/gke-ai-hypercompute-custom, read 2026-11-25)."""
    return {"auto_repair": spec.rung.capacity_type != "flex-start", "auto_upgrade": True}
