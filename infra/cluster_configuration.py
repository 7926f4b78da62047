"""The keys of a stack's configuration that are about a cluster."""

from typing import Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, Field, ValidationInfo, field_validator

from moorage.kubernetes.gateway_spec import Exposure
from moorage.kubernetes.monitoring_objects import PROMETHEUS_NAMESPACE
from moorage.kubernetes.network_destination import namespace_of_service
from moorage.kubernetes.network_policy_spec import Address, Clients, Network
from moorage.kubernetes.vllm_spec import Placement
from moorage.planner.availability import gcp_region_of
from moorage.spec.numbers import WholeNumber
from strict import STRICT

Addon = Literal["keda", "prometheus", "device-plugin", "leader-worker-set"]


class ReplicaSettings(BaseModel):
    """How many engines there are."""

    model_config = STRICT

    min: WholeNumber = Field(
        default=2, ge=1, description="Always up. Default: 2; with option serverless there are none, and no choice."
    )
    max: WholeNumber | None = Field(
        default=None,
        ge=1,
        description="At the most, by load: needs KEDA and Prometheus. Default: as many as min; with option "
        "serverless 4.",
    )


class NetworkSettings(BaseModel):
    """What the namespace's NetworkPolicies cannot know by themselves."""

    model_config = STRICT

    clients: Clients | None = Field(
        default=None,
        description="Who opens connections to the gateways: `namespaces` of pods or proxies, `cidrs` of networks or "
        "balancers. Default: as cluster.exposure says.",
    )
    weights_cidrs: list[Network] | None = Field(
        default=None,
        min_length=1,
        description="Where weights are fetched from. Default: the internet, without private networks.",
    )
    dns_addresses: list[Address] = Field(
        default_factory=list,
        description="Of resolvers on nodes, such as kube-dns' address with NodeLocal DNSCache. Default: none.",
    )


class ClusterSettings(BaseModel):
    """Which cluster it is, and what of it the stack uses."""

    model_config = STRICT

    context: str | None = Field(
        default=None,
        min_length=1,
        description="Of the kubeconfig ($KUBECONFIG, or ~/.kube/config): a cluster is never taken by accident. "
        "Required with cloud kubernetes.",
    )
    namespace: str = Field(
        default="moorage", min_length=1, description="Is created, and holds this stack alone. Default: moorage."
    )
    exposure: Exposure = Field(
        default_factory=Exposure, description="How clients reach the gateway. Default: from inside the cluster."
    )
    prometheus_url: str | None = Field(
        default=None,
        min_length=1,
        description="Whom KEDA asks for the load, http://host:port. Default: the Prometheus that the stack installs.",
    )
    addons: list[Addon] | None = Field(
        default=None,
        description="What the stack installs. Default: nothing with cloud kubernetes, where it is there already; on "
        "AWS and Google Cloud what is missing.",
    )
    network: NetworkSettings = Field(
        default_factory=NetworkSettings, description="Whom policies let through. Default: what the stack needs."
    )
    storage_class_name: str | None = Field(
        default=None,
        min_length=1,
        description="Of volumes for many nodes at once (ReadWriteMany), on which a large model of the Hub is kept. "
        "Default: none; every pod fetches it anew.",
    )
    service_account_annotations: dict[str, str] = Field(
        default_factory=dict, description="Of the engines' service account: its identity in the cloud. Default: none."
    )
    hugging_face_token: str | None = Field(
        default=None, min_length=1, description="A secret, for models that the Hub gives to some only. Default: none."
    )
    priority_class_name: str | None = Field(
        default=None, min_length=1, description="Of the engines' pods. Default: the cluster's own."
    )

    @property
    def prometheus_namespace(self) -> str:
        """Of the Service that `prometheus_url` names, where it names one."""
        host = urlsplit(self.prometheus_url or "").hostname or ""
        return namespace_of_service(host) or PROMETHEUS_NAMESPACE


class MonitoringSettings(BaseModel):
    """Who watches the stack, by Prometheus' operator."""

    model_config = STRICT

    runbook_url: str = Field(
        default="docs/runbooks/alerts.md",
        min_length=1,
        description="Of that page, wherever it is read: each alert links it. Default: its path in this repository.",
    )
    prometheus_labels: dict[str, str] = Field(
        default_factory=dict,
        description="What a Prometheus that is there already selects monitors and rules by. Default: nothing.",
    )
    grafana_url: str | None = Field(
        default=None,
        min_length=1,
        description="Where dashboards are looked at. Default: the Grafana that is installed.",
    )
    storage_class_name: str | None = Field(
        default=None,
        min_length=1,
        description="Of the volume of a Prometheus that the stack installs. Default: none; a new pod starts empty.",
    )


class NodeSettings(Placement):
    """GPU nodes that are there already."""

    gpu_memory_gib: float = Field(gt=0, description="Of one GPU, as torch sees it: a little less than nvidia-smi says.")
    gpus_per_node: WholeNumber = Field(default=1, ge=1, description="Default: 1.")
    tensor_parallel_size: WholeNumber | None = Field(
        default=None, ge=1, description="GPUs of a node that share each layer. Default: the fewest that fit."
    )
    max_nodes: WholeNumber = Field(
        default=1, ge=1, description="Over how many one replica may be spread, by LeaderWorkerSet. Default: 1."
    )


class GcpSettings(BaseModel):
    """Where the stack is on Google Cloud."""

    model_config = STRICT

    project: str = Field(min_length=1, description="The project's id.")
    project_number: str = Field(min_length=1, description="The project's number.")
    region: str = Field(min_length=1, description="Such as europe-west4.")
    zones: list[str] = Field(min_length=1, description="Of the GPU nodes, in the region.")
    control_plane_access: Literal["private", "dns"] = Field(
        default="private",
        description="`private`: from the network alone. `dns`: from everywhere, for those whom IAM lets through. "
        "Default: private.",
    )
    authorized_networks: dict[str, str] = Field(
        default_factory=dict, description="Private networks that may use the address, by name. Default: none."
    )
    deletion_protection: bool = Field(
        default=True,
        description="Whether the cluster and its key refuse to be deleted. Default: they do.",
    )
    labels: dict[str, str] = Field(default_factory=dict, description="On everything that takes them. Default: none.")

    @field_validator("zones")
    @classmethod
    def _of_the_region(cls, zones: list[str], info: ValidationInfo) -> list[str]:
        region = info.data.get("region")
        if region is not None and not all(gcp_region_of(zone) == region for zone in zones):
            raise ValueError(f"must be zones of {region}, such as {region}-a")
        return zones
