"""A namespace for what this library makes."""

from typing import TypedDict

import pulumi
from pulumi_kubernetes import core

from moorage.kubernetes.labels import object_labels

_LEVELS = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "audit", "warn")}


class KubernetesNamespaceArgs(TypedDict):
    """What it is called."""

    namespace: pulumi.Input[str]
    """Its name in the cluster."""


class KubernetesNamespace(pulumi.ComponentResource):
    """Where Pod Security lets in what is restricted, and nothing else."""

    name: pulumi.Output[str]
    """For what is in it, which then comes after it."""

    def __init__(self, name: str, args: KubernetesNamespaceArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("moorage:index:KubernetesNamespace", name, dict(args), opts)
        labels = object_labels(name="moorage", instance=name, component="namespace")
        created = core.v1.Namespace(
            f"{name}-namespace",
            metadata={"name": args["namespace"], "labels": {**labels, **_LEVELS}},
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.name = created.metadata.apply(lambda metadata: str(metadata.name))
        self.register_outputs({"name": self.name})
