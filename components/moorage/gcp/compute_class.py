"""Several kinds of GPU nodes on GKE, and ways to get them, tried one after the other."""

from collections.abc import Mapping, Sequence
from typing import NotRequired, TypedDict

import pulumi
from pulumi_kubernetes import apiextensions

from moorage.gcp.compute_class_object import API_VERSION, COMPUTE_CLASS_LABEL, KIND, compute_class_spec
from moorage.gcp.gpu_pool import GkePoolRungArgs
from moorage.gcp.gpu_pool_spec import ComputeClassSpec
from moorage.gcp.names import check_name
from moorage.kubernetes.labels import object_labels
from moorage.kubernetes.placement import PlacementArgs, TolerationArgs, gpu_pool_placement
from moorage.spec.errors import Problem, SpecError
from moorage.spec.parsing import parse
from moorage.spec.wording import shown

_CREATED_ELSEWHERE = frozenset({"node_service_account_email", "kms_key_id"})
# docs.cloud.google.com/kubernetes-engine/docs/concepts/about-built-in-compute-classes and how-to/
# run-pods-default-compute-classes (read 2026-11-25): GKE's own, and the one that pods get which ask for none.
_RESERVED_NAMES = ("autopilot", "autopilot-spot", "default")
_SPOT_TAINT = "cloud.google.com/gke-spot"


class GkeComputeClassArgs(TypedDict):
    """Which nodes, in which order, and where."""

    node_service_account_email: pulumi.Input[str]
    """Whom nodes act as: of `GkeCluster`."""
    kms_key_id: pulumi.Input[str]
    """For their disks: of `GkeCluster`."""
    zones: Sequence[str]
    """Where they may be, such as `["europe-west4-a"]`. A reservation's nodes are where it is."""
    rungs: Sequence[GkePoolRungArgs]
    """In the order in which they are tried. When an earlier one has nodes again, pods that may be evicted move back to
    it, as their PodDisruptionBudget allows. Those of `VllmDeployment` may not, and stay until they are rolled."""
    reservations: NotRequired[Mapping[str, str]]
    """For each rung of capacity type `reservation`: the reservation's name by the rung's instance type, or
    `projects/PROJECT/reservations/NAME` of one that another project shares. Default: none."""
    boot_disk_gb: NotRequired[int]
    """Images are on it; weights and caches are on local SSDs. Default: 200."""
    extended_spot_termination: NotRequired[bool]
    """Whether pods on spot nodes have 105 seconds to end in place of 15. GKE before 1.35.0-gke.1171000 refuses nodes of
    which it is asked. Default: they have."""
    secure_boot: NotRequired[bool]
    """Whether nodes boot nothing that Google has not signed. GKE before 1.36.3-gke.1244000 refuses a class of which it
    is asked. Default: they may; that nobody has changed what they boot is watched all the same."""


class GkeComputeClass(pulumi.ComponentResource):
    """GPU nodes that GKE makes when a pod asks for the class, in node pools that come and go by themselves.

    The class's name in the cluster is the component's. There are as many nodes as engines ask for: bound them by the
    engines' autoscaler. Give the engines the class in `depends_on`: else a node of theirs may outlive it.

    It needs a provider for the cluster, of the package kubernetes.
    """

    placement: PlacementArgs
    """What an engine takes to run here."""

    def __init__(self, name: str, args: GkeComputeClassArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Raises `moorage.spec.SpecError` for nodes that Google Cloud does not have, or not in this way."""
        super().__init__("moorage:index:GkeComputeClass", name, dict(args), opts)
        check_name(name)
        _check_not_reserved(name)
        known = {key: value for key, value in args.items() if key not in _CREATED_ELSEWHERE}
        spec = parse(ComputeClassSpec, known, "")
        apiextensions.CustomResource(
            f"{name}-class",
            api_version=API_VERSION,
            kind=KIND,
            metadata={
                "name": name,
                "labels": object_labels(name="compute-class", instance=name, component="gpu-pool"),
            },
            spec=compute_class_spec(name, spec, args["node_service_account_email"], args["kms_key_id"]),
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.placement = placement_by_class(name, spec)
        self.register_outputs({"placement": self.placement})


def placement_by_class(name: str, spec: ComputeClassSpec) -> PlacementArgs:
    """On the nodes of the class with this name, whichever of its rungs made them.

    Flex-start has a taint, too, but only for pods that select it without a class, and tolerating it would be an error.
    """
    notice = spec.termination_notice_seconds
    placement = gpu_pool_placement(name, spec.pool_kind, termination_notice_seconds=notice)
    placement["node_selector"] = {COMPUTE_CLASS_LABEL: name}
    if notice is not None:
        # Google advises it (github.com/google/skills, gke-compute-classes, 2026-08-21); nodes made for a class have
        # none in the autoscaler's source.
        toleration = TolerationArgs(key=_SPOT_TAINT, operator="Equal", value="true", effect="NoSchedule")
        placement["tolerations"] = [*placement["tolerations"], toleration]
    return placement


def _check_not_reserved(name: str) -> None:
    if name in _RESERVED_NAMES:
        raise SpecError([Problem("name", f" = {shown(name)}: must be none of GKE's own, {', '.join(_RESERVED_NAMES)}")])
