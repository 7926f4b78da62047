"""Real Karpenter beside the control plane, with its provider of kwok's nodes, and the shapes of our catalogue."""

import json
import os
from collections.abc import Generator, Sequence
from contextlib import contextmanager

from moorage.kubernetes.placement import GPU_RESOURCE
from moorage.planner.gpu_catalog import GpuInstance
from moorage.planner.instance_fit import allocatable_gib

from .cluster import Cluster, Document
from .control_plane.control_plane import HOST, ControlPlane
from .control_plane.process import answers, free_port, running

NAMESPACE = "karpenter"
CAPACITY_TYPES = ("on-demand", "spot")
_DISK_GIB = 500
_SPOT_SHARE = 0.5


@contextmanager
def running_karpenter(plane: ControlPlane, cluster: Cluster, shapes: Sequence[GpuInstance]) -> Generator[None]:
    """With a cloud that has instances of these shapes and of no others."""
    cluster.ensure_namespace(NAMESPACE)
    types = plane.directory / "instance-types.json"
    types.write_text(json.dumps([_instance_type(shape) for shape in dict.fromkeys(shapes)]))
    health = free_port()
    environment = {
        **os.environ,
        "KUBECONFIG": str(plane.kubeconfig),
        "INSTANCE_TYPES_FILE_PATH": str(types),
        "SYSTEM_NAMESPACE": NAMESPACE,
        "DISABLE_LEADER_ELECTION": "true",
        "HEALTH_PROBE_PORT": str(health),
        "METRICS_PORT": str(free_port()),
    }
    ready = answers(f"http://{HOST}:{health}/readyz")
    with running("karpenter-kwok", [], directory=plane.directory, ready=ready, environment=environment):
        yield


def node_class(name: str) -> Document:
    """What stands for EKS's own node class: the group and kind that this provider knows."""
    return {"apiVersion": "karpenter.kwok.sh/v1alpha1", "kind": "KWOKNodeClass", "metadata": {"name": name}, "spec": {}}


def for_kwok(node_pool: Document) -> Document:
    """The same pool of nodes, with this provider's node class in place of EKS's."""
    spec = node_pool["spec"]
    reference = {**spec["template"]["spec"]["nodeClassRef"], "group": "karpenter.kwok.sh", "kind": "KWOKNodeClass"}
    template = {**spec["template"], "spec": {**spec["template"]["spec"], "nodeClassRef": reference}}
    return {**node_pool, "spec": {**spec, "template": template}}


def _instance_type(shape: GpuInstance) -> Document:
    """As the provider's own instance_types.json has them (sigs.k8s.io/karpenter v1.14.0, kwok/cloudprovider)."""
    price = shape.price_usd_per_hour
    assert price is not None
    prices = dict(zip(CAPACITY_TYPES, (price, price * _SPOT_SHARE), strict=True))
    return {
        "name": shape.instance_type,
        "architecture": "amd64",
        "operatingSystems": ["linux"],
        "resources": {
            "cpu": str(shape.vcpus),
            "memory": f"{int(allocatable_gib(shape) * 1024)}Mi",
            "ephemeral-storage": f"{_DISK_GIB}Gi",
            GPU_RESOURCE: str(int(shape.gpu_count)),
            "pods": "110",
        },
        "offerings": [
            {
                "Price": price,
                "Available": True,
                "Requirements": [
                    _in("karpenter.sh/capacity-type", capacity_type),
                    _in("topology.kubernetes.io/zone", f"{shape.region}a"),
                ],
            }
            for capacity_type, price in prices.items()
        ],
    }


def _in(key: str, value: str) -> Document:
    return {"key": key, "operator": "In", "values": [value]}
