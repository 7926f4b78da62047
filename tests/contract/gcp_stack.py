"""All of Google Cloud's components in one program, one part on the other."""

from collections.abc import Iterator

import pulumi
import pulumi_kubernetes

from moorage.gcp.cluster import GkeCluster
from moorage.gcp.compute_class import GkeComputeClass
from moorage.gcp.gpu_pool import GkeGpuPool
from moorage.gcp.identity import GkeWorkloadIdentity
from moorage.gcp.image_registry import ArtifactRegistry
from moorage.gcp.model_store import GcsModelStore
from moorage.gcp.network import GkeNetwork

from .gcp_examples import GCP_EXAMPLES, LABELS
from .recording import Recording, Registration


def whole(name: str = "harbour") -> None:
    """Every component has the same name, and all that may be left out is."""
    place = {key: GCP_EXAMPLES[GkeCluster][key] for key in ("project", "project_number", "region")}
    network = GkeNetwork(name, {"project": place["project"], "region": place["region"]})
    cluster = GkeCluster(
        name,
        {
            **place,
            "network_id": network.network_id,
            "subnetwork_id": network.subnetwork_id,
            "pod_range": network.pod_range,
            "service_range": network.service_range,
            "labels": LABELS,
        },
    )
    nodes = {"node_service_account_email": cluster.node_service_account_email, "kms_key_id": cluster.kms_key_id}
    GkeGpuPool(name, {**GCP_EXAMPLES[GkeGpuPool], **nodes, "cluster_id": cluster.cluster_id})
    identity = GkeWorkloadIdentity(name, {**GCP_EXAMPLES[GkeWorkloadIdentity], "workload_pool": cluster.workload_pool})
    GcsModelStore(name, {**place, "readers": {"engine": identity.service_account_email}, "labels": LABELS})
    ArtifactRegistry(name, {**place, "readers": {"nodes": cluster.node_service_account_email}, "labels": LABELS})
    provider = pulumi_kubernetes.Provider(
        f"{name}-kubernetes", kubeconfig=cluster.kubeconfig, cluster_identifier=cluster.cluster_identifier
    )
    GkeComputeClass(name, {**GCP_EXAMPLES[GkeComputeClass], **nodes}, pulumi.ResourceOptions(providers=[provider]))


def kind_of(registration: Registration) -> str:
    return registration.type.rpartition(":")[2]


def of_google(recording: Recording) -> Iterator[Registration]:
    return (found for found in recording.registrations if found.type.startswith("gcp:"))


def before(recording: Recording, kind: str, name: str) -> set[str]:
    """The names of all that is there before the one of this kind and name, and is deleted after it."""
    by_urn = {found.urn: found for found in recording.registrations}
    waiting = [found for found in by_urn.values() if kind_of(found) == kind and found.name == name]
    assert len(waiting) == 1
    known: set[str] = set()
    while waiting:
        new = waiting.pop().dependencies - known
        known |= new
        waiting += [by_urn[urn] for urn in new]
    return {by_urn[urn].name for urn in known}
