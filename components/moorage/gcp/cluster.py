"""A Kubernetes cluster on Google Cloud."""

from collections.abc import Mapping
from typing import NotRequired, TypedDict

import pulumi
from pulumi_gcp import container, projects, serviceaccount

from moorage.gcp import cluster_settings
from moorage.gcp.cluster_settings import secure_node
from moorage.gcp.cluster_spec import ClusterSpec
from moorage.gcp.encryption_key import create_key
from moorage.gcp.kubeconfig import kubeconfig
from moorage.gcp.names import check_name
from moorage.gcp.network_plan import MAX_PODS_PER_NODE
from moorage.spec.parsing import parse

_CREATED_ELSEWHERE = frozenset({"network_id", "subnetwork_id", "pod_range", "service_range"})
# The least with which a node works (docs.cloud.google.com/kubernetes-engine/docs/how-to/hardening-your-cluster, read
# 2026-11-25). It writes logs and metrics, which belong to the project and to nothing smaller.
_NODE_ROLE = "roles/container.defaultNodeServiceAccount"
_SYSTEM_DISK_GB = 100


class GkeClusterArgs(TypedDict):
    """Where it is, who reaches it, and what its own pods run on."""

    project: str
    """The project's id."""
    project_number: str
    """The project's number: Google's services act in its name."""
    region: str
    """Such as `europe-west4`. The control plane is in all of its zones."""
    network_id: pulumi.Input[str]
    """Of `GkeNetwork`, or of another."""
    subnetwork_id: pulumi.Input[str]
    """For nodes and for the control plane's address."""
    pod_range: pulumi.Input[str]
    """The name of the subnet's range for pods."""
    service_range: pulumi.Input[str]
    """The name of the subnet's range for services."""
    release_channel: NotRequired[str]
    """`RAPID`, `REGULAR`, `STABLE` or `EXTENDED`: which versions GKE installs, and when. Default: REGULAR."""
    control_plane_access: NotRequired[str]
    """`private`: by an address in the network; or `dns`: by a name, from everywhere, for those whom IAM lets through.
    Default: private."""
    authorized_networks: NotRequired[Mapping[str, str]]
    """Private networks that may use the address, by a name for each, such as `{"office": "10.128.0.0/16"}`. Default:
    none but the cluster's own subnet."""
    system_machine_type: NotRequired[str]
    """Of the nodes for everything that needs no GPU. Default: e2-standard-4."""
    system_min_node_count: NotRequired[int]
    """In all zones together. Default: 2, in two zones."""
    system_max_node_count: NotRequired[int]
    """In all zones together. Default: 6."""
    deletion_protection: NotRequired[bool]
    """Whether cluster and key refuse to be deleted. Default: they do."""
    labels: NotRequired[Mapping[str, str]]
    """On every resource that can have some, nodes and disks too. Default: none."""


class GkeCluster(pulumi.ComponentResource):
    """A private GKE cluster with nodes for what needs no GPU; `GkeGpuPool` or `GkeComputeClass` adds those that have.

    Neither nodes nor the control plane have a public address. Secrets and disks are encrypted with a key of its own,
    and workloads get tokens of their own (Workload Identity), never the node's.
    """

    cluster_id: pulumi.Output[str]
    """`projects/…/locations/…/clusters/…`, as node pools take it."""
    name: pulumi.Output[str]
    cluster_identifier: pulumi.Output[str]
    """Its address in Google's API, for `cluster_identifier` of Pulumi's Kubernetes provider: another kubeconfig is then
    no reason to replace what is in the cluster."""
    kubeconfig: pulumi.Output[str]
    """A secret without credentials in it: whoever uses it needs `gke-gcloud-auth-plugin` and their own. It knows when
    there are nodes."""
    endpoint: pulumi.Output[str]
    """The control plane's host: an address or a name, as `control_plane_access` says."""
    workload_pool: pulumi.Output[str]
    """As `GkeWorkloadIdentity` takes it."""
    node_service_account_email: pulumi.Output[str]
    """Whom nodes act as. It reads no images until an `ArtifactRegistry` says so."""
    kms_key_id: pulumi.Output[str]
    """For secrets and nodes' disks."""

    def __init__(self, name: str, args: GkeClusterArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Raises `moorage.spec.SpecError` for a cluster that Google Cloud would refuse, or that would be open."""
        super().__init__("moorage:index:GkeCluster", name, dict(args), opts)
        check_name(name)
        known = {key: value for key, value in args.items() if key not in _CREATED_ELSEWHERE}
        self._name, self._args, self._spec = name, args, parse(ClusterSpec, known, "")
        self.kms_key_id = self._create_key()
        self.node_service_account_email = self._create_node_service_account()
        cluster = self._create_cluster()
        system_pool = self._create_system_pool(cluster)
        self.cluster_id, self.name = cluster.id, cluster.name
        self.cluster_identifier = cluster.self_link
        self.endpoint = self._endpoint(cluster)
        self.kubeconfig = self._kubeconfig(cluster, system_pool)
        self.workload_pool = pulumi.Output.from_input(self._spec.workload_pool)
        self.register_outputs(
            {
                "cluster_id": self.cluster_id,
                "name": self.name,
                "cluster_identifier": self.cluster_identifier,
                "kubeconfig": self.kubeconfig,
                "endpoint": self.endpoint,
                "workload_pool": self.workload_pool,
                "node_service_account_email": self.node_service_account_email,
                "kms_key_id": self.kms_key_id,
            }
        )

    def _child(self) -> pulumi.ResourceOptions:
        return pulumi.ResourceOptions(parent=self)

    def _create_key(self) -> pulumi.Output[str]:
        return create_key(self._name, self._spec, ("container", "compute"), self._child())

    def _create_node_service_account(self) -> pulumi.Output[str]:
        """Its e-mail address, which knows when it may do what a node does."""
        account = serviceaccount.Account(
            f"{self._name}-nodes",
            project=self._spec.project,
            account_id=f"{self._name}-nodes",
            display_name=f"Nodes of {self._name}",
            opts=self._child(),
        )
        role = projects.IAMMember(
            f"{self._name}-nodes-role",
            project=self._spec.project,
            role=_NODE_ROLE,
            member=account.member,
            opts=self._child(),
        )
        return pulumi.Output.all(account.email, role.id).apply(lambda known: known[0])

    def _create_cluster(self) -> container.Cluster:
        spec = self._spec
        return container.Cluster(
            f"{self._name}-cluster",
            project=spec.project,
            location=spec.region,
            release_channel={"channel": spec.release_channel},
            deletion_protection=spec.deletion_protection,
            resource_labels=spec.labels,
            network=self._args["network_id"],
            subnetwork=self._args["subnetwork_id"],
            networking_mode="VPC_NATIVE",
            ip_allocation_policy={
                "cluster_secondary_range_name": self._args["pod_range"],
                "services_secondary_range_name": self._args["service_range"],
            },
            default_max_pods_per_node=MAX_PODS_PER_NODE,
            # Dataplane V2 is what enforces NetworkPolicies.
            datapath_provider="ADVANCED_DATAPATH",
            # Google's API says true of a cluster without an address, too: anything else would differ for ever.
            private_cluster_config={"enable_private_nodes": True, "enable_private_endpoint": True},
            control_plane_endpoints_config=cluster_settings.control_plane_endpoints(spec),
            master_authorized_networks_config=cluster_settings.authorized_networks(spec),
            master_auth={"client_certificate_config": {"issue_client_certificate": False}},
            anonymous_authentication_config={"mode": "LIMITED"},
            enable_legacy_abac=False,
            rbac_binding_config=cluster_settings.RBAC,
            workload_identity_config={"workload_pool": spec.workload_pool},
            database_encryption={"state": "ENCRYPTED", "key_name": self.kms_key_id},
            enable_shielded_nodes=True,
            security_posture_config={"mode": "BASIC", "vulnerability_mode": "VULNERABILITY_DISABLED"},
            gateway_api_config={"channel": "CHANNEL_STANDARD"},
            addons_config=cluster_settings.ADDONS,
            monitoring_config=cluster_settings.MONITORING,
            logging_config=cluster_settings.LOGGING,
            cost_management_config={"enabled": True},
            node_pool_defaults=cluster_settings.NODE_POOL_DEFAULTS,
            node_pool_auto_config=cluster_settings.NODE_POOL_AUTO_CONFIG,
            # GKE makes no cluster without a pool: this one is deleted at once, and until then is as the others are.
            remove_default_node_pool=True,
            initial_node_count=1,
            node_config={
                "service_account": self.node_service_account_email,
                "oauth_scopes": list(cluster_settings.SCOPES),
                "boot_disk_kms_key": self.kms_key_id,
                "shielded_instance_config": {"enable_secure_boot": True, "enable_integrity_monitoring": True},
            },
            opts=pulumi.ResourceOptions(parent=self, ignore_changes=["initialNodeCount", "nodeConfig"]),
        )

    def _create_system_pool(self, cluster: container.Cluster) -> container.NodePool:
        spec = self._spec
        return container.NodePool(
            f"{self._name}-system",
            project=spec.project,
            location=spec.region,
            cluster=cluster.id,
            initial_node_count=1,
            autoscaling={
                "total_min_node_count": spec.system_min_node_count,
                "total_max_node_count": spec.system_max_node_count,
                "location_policy": "BALANCED",
            },
            management={"auto_repair": True, "auto_upgrade": True},
            upgrade_settings={"strategy": "SURGE", "max_surge": 1, "max_unavailable": 0},
            network_config={"enable_private_nodes": True},
            node_config={
                **secure_node(spec.labels, self.node_service_account_email, self.kms_key_id),
                "machine_type": spec.system_machine_type,
                "disk_type": "pd-balanced",
                "disk_size_gb": _SYSTEM_DISK_GB,
            },
            opts=pulumi.ResourceOptions(parent=self, ignore_changes=["initialNodeCount"]),
        )

    def _endpoint(self, cluster: container.Cluster) -> pulumi.Output[str]:
        if self._spec.control_plane_access == "private":
            return cluster.endpoint
        return cluster.control_plane_endpoints_config.dns_endpoint_config.endpoint

    def _kubeconfig(self, cluster: container.Cluster, system_pool: container.NodePool) -> pulumi.Output[str]:
        private = self._spec.control_plane_access == "private"
        certificate = cluster.master_auth.cluster_ca_certificate if private else None
        known = pulumi.Output.all(cluster.name, self.endpoint, certificate, system_pool.id)
        return pulumi.Output.secret(
            known.apply(lambda parts: kubeconfig(name=parts[0], endpoint=parts[1], certificate_authority=parts[2]))
        )
