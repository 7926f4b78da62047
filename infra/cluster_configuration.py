"""The keys of a stack's configuration that are about a cluster."""

from pydantic import BaseModel, ConfigDict, Field

from moorage.kubernetes.gateway_spec import Exposure
from moorage.kubernetes.image import PinnedImage
from moorage.kubernetes.vllm_spec import Placement
from moorage.spec.numbers import WholeNumber

STRICT = ConfigDict(frozen=True, extra="forbid", strict=True)


class ImageSettings(BaseModel):
    """What runs, each by its digest."""

    model_config = STRICT

    engine: PinnedImage = Field(description="vLLM's image for CUDA.")
    gateway: PinnedImage = Field(description="The serving image.")
    cache: PinnedImage = Field(description="Valkey's image.")


class ReplicaSettings(BaseModel):
    """How many engines there are."""

    model_config = STRICT

    min: WholeNumber = Field(
        default=2, ge=1, description="Always up. Default: 2; with option serverless there are none, and no choice."
    )
    max: WholeNumber | None = Field(
        default=None,
        ge=1,
        description="At the most, by load: needs KEDA, and cluster.prometheus_url. Default: as many as min; with "
        "option serverless 4.",
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
        description="Whom KEDA asks for the load, http://host:port. Required where engines are autoscaled.",
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
