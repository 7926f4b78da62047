"""A namespace for what this library makes."""

from typing import TypedDict

import pulumi
from pulumi_kubernetes import core

from moorage.kubernetes.labels import object_labels
from moorage.kubernetes.pod_security import namespace_labels


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
            metadata={"name": args["namespace"], "labels": {**labels, **namespace_labels("restricted")}},
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.name = created.metadata.apply(lambda metadata: str(metadata.name))
        self.register_outputs({"name": self.name})
