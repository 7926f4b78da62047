"""An example of each component for Google Cloud, with every key of its arguments."""

from collections.abc import Mapping

import pulumi

from moorage.gcp.cluster import GkeCluster
from moorage.gcp.compute_class import GkeComputeClass
from moorage.gcp.gpu_pool import GkeGpuPool
from moorage.gcp.identity import GkeWorkloadIdentity
from moorage.gcp.image_registry import ArtifactRegistry
from moorage.gcp.model_store import GcsModelStore
from moorage.gcp.network import GkeNetwork

from .gcp_answers import PROJECT_ID, PROJECT_NUMBER, REGION

LABELS = {"team": "harbour", "environment": "test"}
KEY_ID = f"projects/{PROJECT_ID}/locations/{REGION}/keyRings/harbour/cryptoKeys/harbour"
NODES = f"harbour-nodes@{PROJECT_ID}.iam.gserviceaccount.com"
ZONES = [f"{REGION}-a", f"{REGION}-b"]
PLACE = {"project": PROJECT_ID, "project_number": PROJECT_NUMBER, "region": REGION}

GCP_EXAMPLES: Mapping[type[pulumi.ComponentResource], Mapping[str, object]] = {
    GkeNetwork: {"project": PROJECT_ID, "region": REGION, "cidr_block": "10.64.0.0/16"},
    GkeCluster: {
        **PLACE,
        "network_id": "network",
        "subnetwork_id": "subnetwork",
        "pod_range": "pods",
        "service_range": "services",
        "release_channel": "STABLE",
        "control_plane_access": "private",
        "authorized_networks": {"office": "10.128.0.0/16"},
        "system_machine_type": "e2-standard-8",
        "system_min_node_count": 1,
        "system_max_node_count": 3,
        "deletion_protection": False,
        "labels": LABELS,
    },
    GkeGpuPool: {
        "cluster_id": f"projects/{PROJECT_ID}/locations/{REGION}/clusters/harbour",
        "node_service_account_email": NODES,
        "kms_key_id": KEY_ID,
        "zones": ZONES[:1],
        "rungs": [{"instance_type": "g2-standard-24", "capacity_type": "reservation"}],
        "reservations": {"g2-standard-24": "berth"},
        "min_node_count": 1,
        "max_node_count": 2,
        "boot_disk_gb": 300,
        "extended_spot_termination": True,
        "labels": LABELS,
    },
    GkeComputeClass: {
        "node_service_account_email": NODES,
        "kms_key_id": KEY_ID,
        "zones": ZONES,
        "rungs": [
            {"instance_type": "a3-highgpu-1g", "capacity_type": "reservation"},
            {"instance_type": "a3-highgpu-1g", "capacity_type": "on-demand"},
            {"instance_type": "g4-standard-48", "capacity_type": "flex-start"},
            {"instance_type": "g2-standard-48", "capacity_type": "spot"},
        ],
        "reservations": {"a3-highgpu-1g": "projects/quay/reservations/berth"},
        "boot_disk_gb": 300,
        "extended_spot_termination": True,
        "secure_boot": True,
    },
    GkeWorkloadIdentity: {
        "project": PROJECT_ID,
        "workload_pool": f"{PROJECT_ID}.svc.id.goog",
        "namespace": "harbour",
        "service_account": "engine",
    },
    GcsModelStore: {
        **PLACE,
        "readers": {"engine": "engine@example.com"},
        "deletion_protection": False,
        "labels": LABELS,
    },
    ArtifactRegistry: {
        **PLACE,
        "readers": {"nodes": NODES},
        "customer_managed_key": True,
        "deletion_protection": False,
        "labels": LABELS,
    },
}
