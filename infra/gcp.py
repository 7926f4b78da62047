"""`cloud: gcp`: a network, a GKE cluster and a ladder of GPU nodes of its own."""

from dataclasses import replace
from typing import TYPE_CHECKING, cast

import pulumi
import pulumi_gcp
import pulumi_kubernetes
from pulumi_gcp import storage

from cluster_stack import ENGINE_SERVICE_ACCOUNT, ClusterParts, build_cluster_stack
from moorage.gcp.cluster import GkeCluster
from moorage.gcp.compute_class import GkeComputeClass
from moorage.gcp.identity import GkeWorkloadIdentity
from moorage.gcp.network import GkeNetwork
from moorage.kubernetes.network_policy_spec import Clients
from moorage.spec import BucketSource
from outputs import StackOutputs
from pool import cost_of, ladder_of, rungs_of, spot_warnings
from settings import Settings

if TYPE_CHECKING:
    from cluster_configuration import GcpSettings
    from moorage.gcp.gpu_pool import GkePoolRungArgs

_SCHEME = "gs://"
_READ = "roles/storage.objectViewer"


def build_gcp_always_on(settings: Settings) -> StackOutputs:
    """Raises `moorage.spec.SpecError` for what cannot be served."""
    configuration = settings.configuration
    gcp = cast("GcpSettings", configuration.gcp)
    ladder = ladder_of(configuration, "gcp", gcp.region, gcp.zones)
    for warning in spot_warnings(ladder):
        pulumi.log.warn(warning)
    outside = pulumi.ResourceOptions(provider=pulumi_gcp.Provider("gcp", project=gcp.project, region=gcp.region))
    network = GkeNetwork("network", {"project": gcp.project, "region": gcp.region}, outside)
    cluster = _cluster(gcp, network, outside)
    provider = pulumi_kubernetes.Provider(
        "inside", kubeconfig=cluster.kubeconfig, cluster_identifier=cluster.cluster_identifier
    )
    inside = pulumi.ResourceOptions(provider=provider)
    gpus = GkeComputeClass(
        "gpu",
        {
            "node_service_account_email": cluster.node_service_account_email,
            "kms_key_id": cluster.kms_key_id,
            "zones": gcp.zones,
            "rungs": cast("list[GkePoolRungArgs]", rungs_of(ladder)),
        },
        inside,
    )
    identity = GkeWorkloadIdentity(
        "engine",
        {
            "project": gcp.project,
            "workload_pool": cluster.workload_pool,
            "namespace": configuration.cluster.namespace,
            "service_account": ENGINE_SERVICE_ACCOUNT,
        },
        outside,
    )
    parts = ClusterParts(
        platform="gke",
        placement=gpus.placement,
        parallelism=ladder.parallelism,
        gpu_memory_gib=ladder.gpu_memory_gib,
        opts=inside,
        estimated_cost=cost_of(configuration, ladder, "gcp"),
        needs=(gpus, identity, *_readers(settings, identity, outside)),
        service_account_annotations=identity.service_account_annotations,
    )
    return build_cluster_stack(_with_google_gateway(settings, network), parts)


def _with_google_gateway(settings: Settings, network: GkeNetwork) -> Settings:
    """In a cluster of the stack's own, a route is through a Gateway of GKE's, whose proxies are in the network."""
    cluster = settings.configuration.cluster
    if cluster.exposure.kind != "http-route":
        return settings
    exposure = cluster.exposure.model_copy(update={"gateway_controller": "gke"})
    clients = cluster.network.clients or Clients(cidrs=[network.proxy_range])
    policies = cluster.network.model_copy(update={"clients": clients})
    changed = {"cluster": cluster.model_copy(update={"exposure": exposure, "network": policies})}
    return replace(settings, configuration=settings.configuration.model_copy(update=changed))


def _cluster(gcp: "GcpSettings", network: GkeNetwork, opts: pulumi.ResourceOptions) -> GkeCluster:
    return GkeCluster(
        "cluster",
        {
            "project": gcp.project,
            "project_number": gcp.project_number,
            "region": gcp.region,
            "network_id": network.network_id,
            "subnetwork_id": network.subnetwork_id,
            "pod_range": network.pod_range,
            "service_range": network.service_range,
            "control_plane_access": gcp.control_plane_access,
            "authorized_networks": gcp.authorized_networks,
            "deletion_protection": gcp.deletion_protection,
            "labels": gcp.labels,
        },
        opts,
    )


def _readers(
    settings: Settings, identity: GkeWorkloadIdentity, opts: pulumi.ResourceOptions
) -> list[storage.BucketIAMMember]:
    """The engines may read the model's and its adapters' buckets, and nothing else."""
    model = settings.configuration.model
    sources = [] if model is None else [model.source, *model.lora_adapters.values()]
    found = [source.address for source in sources if isinstance(source, BucketSource)]
    buckets = {address.removeprefix(_SCHEME).partition("/")[0] for address in found if address.startswith(_SCHEME)}
    member = pulumi.Output.concat("serviceAccount:", identity.service_account_email)
    return [
        storage.BucketIAMMember(f"engine-reads-{bucket}", bucket=bucket, role=_READ, member=member, opts=opts)
        for bucket in sorted(buckets)
    ]
