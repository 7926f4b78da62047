"""What enforces NetworkPolicies on AWS."""

from typing import TypedDict

import pulumi
from pulumi_kubernetes import core

from moorage.kubernetes.labels import object_labels


class EksNetworkPolicyControllerArgs(TypedDict):
    """Nothing: a cluster has one, which is on or off."""


class EksNetworkPolicyController(pulumi.ComponentResource):
    """Turns on what EKS Auto Mode brings and leaves off: until then NetworkPolicies are accepted and do nothing.

    A cluster without Auto Mode has it by its VPC CNI. It needs a provider for the cluster, of the package kubernetes.

    docs.aws.amazon.com/eks/latest/userguide/auto-net-pol.html; github.com/aws/amazon-network-policy-controller-k8s,
    pull request 8: the controller looks for this ConfigMap by its name (both read 2026-11-25).
    """

    config_map_name: pulumi.Output[str]
    """In kube-system. Whoever needs policies to hold waits for it."""

    def __init__(
        self, name: str, args: EksNetworkPolicyControllerArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("moorage:index:EksNetworkPolicyController", name, dict(args), opts)
        created = core.v1.ConfigMap(
            f"{name}-config",
            metadata={
                "name": "amazon-vpc-cni",
                "namespace": "kube-system",
                "labels": object_labels(name="amazon-vpc-cni", instance=name, component="network-policy-controller"),
            },
            data={"enable-network-policy-controller": "true"},
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.config_map_name = created.metadata.apply(lambda metadata: str(metadata.name))
        self.register_outputs({"config_map_name": self.config_map_name})
