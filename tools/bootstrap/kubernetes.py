"""`python -m tools.bootstrap.kubernetes`: a Kubernetes control plane, and what is tried on it."""

import sys

import typer

from tools.bootstrap.command import SetupError, console
from tools.bootstrap.custom_resources import install_custom_resource_definitions
from tools.bootstrap.go_programs import GoPrograms
from tools.bootstrap.prometheus import install_prometheus
from tools.bootstrap.pulumi_go_sdk import install_pulumi_go_sdk
from tools.bootstrap.pulumi_kubernetes import install_pulumi_kubernetes

PROGRAMS = (
    GoPrograms(
        folder="etcd", module="go.etcd.io/etcd/server/v3", packages={"etcd": "go.etcd.io/etcd/server/v3"}, minutes=1
    ),
    GoPrograms(
        folder="kubernetes",
        module="k8s.io/kubernetes",
        packages={
            name: f"k8s.io/kubernetes/cmd/{name}"
            for name in ("kube-apiserver", "kube-controller-manager", "kube-scheduler")
        },
        minutes=5,
        variables={"k8s.io/component-base/version.gitVersion": "v{version}"},
    ),
    GoPrograms(
        folder="kwok",
        module="sigs.k8s.io/kwok",
        packages={"kwok": "sigs.k8s.io/kwok/cmd/kwok"},
        minutes=1,
        variables={"sigs.k8s.io/kwok/pkg/consts.Version": "v{version}"},
    ),
    GoPrograms(
        folder="keda",
        module="github.com/kedacore/keda/v2",
        packages={
            "keda-operator": "github.com/kedacore/keda/v2/cmd/operator",
            "keda-adapter": "github.com/kedacore/keda/v2/cmd/adapter",
        },
        minutes=7,
    ),
    GoPrograms(
        folder="karpenter",
        module="sigs.k8s.io/karpenter",
        packages={"karpenter-kwok": "sigs.k8s.io/karpenter/kwok"},
        minutes=2,
    ),
    GoPrograms(
        folder="netpol-analyzer",
        module="github.com/np-guard/netpol-analyzer",
        packages={"netpolicy": "github.com/np-guard/netpol-analyzer/cmd/netpolicy"},
        minutes=2,
    ),
    GoPrograms(
        folder="pulumi-language-yaml",
        module="github.com/pulumi/pulumi-yaml",
        packages={"pulumi-language-yaml": "github.com/pulumi/pulumi-yaml/cmd/pulumi-language-yaml"},
        minutes=1,
        variables={"github.com/pulumi/pulumi-yaml/pkg/version.Version": "v{version}"},
    ),
)


def main() -> None:
    """Brings all of it, one build after the other, since each uses all cores."""
    try:
        install_prometheus()
        install_custom_resource_definitions()
        for programs in PROGRAMS:
            programs.install()
        install_pulumi_kubernetes()
        install_pulumi_go_sdk()
    except SetupError as error:
        console.print(f"setup: {error}", style="red", markup=False)
        sys.exit(1)


if __name__ == "__main__":
    typer.run(main)
