"""The ComputeClass object of Kubernetes: pure.

Its fields are those of Google's own CRD (github.com/GoogleCloudPlatform/compute-class-api at 8067eae, 2026-08-21), what
the autoscaler makes of them those of github.com/GoogleCloudPlatform/cluster-autoscaler at 7d25050, 2026-08-21.
"""

from collections.abc import Mapping
from typing import Any

import pulumi

from moorage.gcp.flex_start import MAX_RUN_SECONDS, RECYCLING_LEAD_SECONDS
from moorage.gcp.gpu_pool_spec import ComputeClassSpec, GpuNodesSpec, PoolRung
from moorage.gcp.spot_termination import SHUTDOWN_GRACE_PERIOD_CRITICAL_PODS_SECONDS, SHUTDOWN_GRACE_PERIOD_SECONDS
from moorage.kubernetes.placement import GPU_POOL_LABEL

API_VERSION = "cloud.google.com/v1"
KIND = "ComputeClass"
COMPUTE_CLASS_LABEL = "cloud.google.com/compute-class"
"""By which a pod selects a class, and with which GKE marks the nodes that it makes for it."""

# A node is taken away when none of its GPUs was asked for in this time, never for being half used: moving an engine
# means to load its weights again.
_CONSOLIDATION_DELAY_MINUTES = 5
_GPU_CONSOLIDATION_THRESHOLD_PERCENT = 0

_EXTENDED_TERMINATION = {
    "nodeSystemConfig": {
        "kubeletConfig": {
            "shutdownGracePeriodSeconds": SHUTDOWN_GRACE_PERIOD_SECONDS,
            "shutdownGracePeriodCriticalPodsSeconds": SHUTDOWN_GRACE_PERIOD_CRITICAL_PODS_SECONDS,
        }
    }
}


def compute_class_spec(
    name: str,
    spec: ComputeClassSpec,
    node_service_account_email: pulumi.Input[str],
    kms_key_id: pulumi.Input[str],
) -> Mapping[str, Any]:
    """What is below `spec` of the class with this name."""
    return {
        "priorities": [_priority(rung, spec, kms_key_id) for rung in spec.rungs],
        "nodePoolAutoCreation": {
            "enabled": True,
            **({"shieldedInstanceConfig": {"enableSecureBoot": True}} if spec.secure_boot else {}),
        },
        "nodePoolConfig": {
            "imageType": "cos_containerd",
            "serviceAccount": node_service_account_email,
            # Pods' own tokens and gVNIC need no word: a cluster with Workload Identity and a GPU's machine bring them.
            "imageStreaming": {"enabled": True},
            # The taint nvidia.com/gpu=present:NoSchedule is GKE's own, and so are the class's label and taint.
            "nodeLabels": {GPU_POOL_LABEL: name},
        },
        # It leaves a node alone on which a pod is not safe to evict (pkg/defrag/processor/node_filter.go).
        "activeMigration": {"optimizeRulePriority": True},
        "autoscalingPolicy": {
            "consolidationDelayMinutes": _CONSOLIDATION_DELAY_MINUTES,
            "gpuConsolidationThreshold": _GPU_CONSOLIDATION_THRESHOLD_PERCENT,
        },
        # Anything else would be a node without a GPU.
        "whenUnsatisfiable": "DoNotScaleUp",
    }


def _priority(rung: PoolRung, spec: GpuNodesSpec, kms_key_id: pulumi.Input[str]) -> dict[str, Any]:
    machine = rung.machine
    return {
        "machineType": machine.machine_type,
        "gpu": {"type": machine.accelerator_type, "count": machine.accelerator_count, "driverVersion": "latest"},
        "storage": {
            "bootDiskType": machine.boot_disk_type,
            "bootDiskSize": spec.boot_disk_gb,
            "bootDiskKMSKey": kms_key_id,
            # A machine that comes with local SSDs has them all, and is refused if they are asked for.
            **({} if machine.local_ssd_is_bundled else {"localSSDCount": machine.local_ssd_count}),
        },
        **_capacity(rung, spec),
    }


def _capacity(rung: PoolRung, spec: GpuNodesSpec) -> dict[str, Any]:
    """How a node is got. A reservation has zones of its own, and may not be told others."""
    location = {"location": {"zones": list(spec.zones)}}
    match rung.capacity_type:
        case "reservation":
            reservation = spec.reservations[rung.instance_type]
            project = {} if reservation.project is None else {"project": reservation.project}
            # With any other affinity an on-demand node comes where none is left, and the rungs below are never tried.
            return {"reservations": {"affinity": "Specific", "specific": [{"name": reservation.name, **project}]}}
        case "on-demand":
            return {"spot": False, **location}
        case "flex-start":
            recycling = {"leadTimeSeconds": RECYCLING_LEAD_SECONDS}
            return {
                "flexStart": {"enabled": True, "nodeRecycling": recycling},
                "maxRunDurationSeconds": MAX_RUN_SECONDS,
                **location,
            }
        case "spot":
            return {"spot": True, **(_EXTENDED_TERMINATION if spec.extended_spot_termination else {}), **location}
