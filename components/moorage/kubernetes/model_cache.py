"""Where the engines of a cluster keep the weights that they have fetched from the Hub."""

import math
from collections.abc import Mapping
from typing import NotRequired, TypedDict

import pulumi
from pulumi_kubernetes import core
from pydantic import BaseModel, ConfigDict, Field

from moorage.kubernetes.labels import object_labels
from moorage.kubernetes.manifest import Manifest
from moorage.spec.parsing import known_of, parse

_NODE_LOCAL_GIB = 10
"""Up to here every pod fetches its own: a minute or two, and no disk that all of them share and depend on."""
_REVISIONS = 2
"""The one that is served, and the one that a rollout brings."""
_BESIDE_WEIGHTS_GIB = 1


class ModelCacheArgs(TypedDict):
    """How much has to be kept, and on what."""

    namespace: pulumi.Input[str]
    """Of the engines that use it."""
    weights_gib: float
    """Of one revision, as it is on disk."""
    storage_class_name: NotRequired[str]
    """Of volumes that many nodes write to at once (ReadWriteMany). Default: none, and the cache is the node's disk."""


class ModelCache(pulumi.ComponentResource):
    """One volume for all engines, which the first of them fills; for small models, or without a storage class, each
    pod's own place on its node's disk, which goes with the pod.

    A volume that one node at a time may write to would tie all replicas to that node, so there is none of those.
    """

    volume: pulumi.Output[Mapping[str, Mapping[str, str]]]
    """A pod's volume without its name: what `VllmDeployment` takes as `model_cache`."""

    def __init__(self, name: str, args: ModelCacheArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("moorage:index:ModelCache", name, dict(args), opts)
        spec = parse(ModelCacheSpec, known_of(ModelCacheSpec, args), "")
        if spec.is_shared:
            claim = spec.claim(name, args["namespace"])
            core.v1.PersistentVolumeClaim(f"{name}-claim", opts=pulumi.ResourceOptions(parent=self), **claim)
        self.volume = pulumi.Output.from_input(spec.volume(name))
        self.register_outputs({"volume": self.volume})


class ModelCacheSpec(BaseModel):
    """What `ModelCacheArgs` say that is known before anything is created."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    weights_gib: float = Field(gt=0)
    storage_class_name: str | None = Field(default=None, min_length=1)

    @property
    def is_shared(self) -> bool:
        return self.storage_class_name is not None and self.weights_gib > _NODE_LOCAL_GIB

    @property
    def size_gib(self) -> int:
        revisions = _REVISIONS if self.is_shared else 1
        return math.ceil(self.weights_gib) * revisions + _BESIDE_WEIGHTS_GIB

    def volume(self, name: str) -> Mapping[str, Mapping[str, str]]:
        if self.is_shared:
            return {"persistentVolumeClaim": {"claimName": name}}
        return {"emptyDir": {"sizeLimit": f"{self.size_gib}Gi"}}

    def claim(self, name: str, namespace: pulumi.Input[str]) -> Manifest:
        return {
            "metadata": {
                "name": name,
                "namespace": namespace,
                "labels": object_labels(name="model-cache", instance=name, component="model-cache"),
                # Many classes make a volume only when the first pod wants it.
                "annotations": {"pulumi.com/skipAwait": "true"},
            },
            "spec": {
                "accessModes": ["ReadWriteMany"],
                "storageClassName": self.storage_class_name,
                "resources": {"requests": {"storage": f"{self.size_gib}Gi"}},
            },
        }
