"""Nodes that run nothing, shaped like the instances of the GPU catalogue."""

from typing import Any

from moorage.kubernetes.placement import GPU_POOL_LABEL, GPU_RESOURCE, GPU_TAINT_EFFECT, GPU_TAINT_VALUE
from moorage.planner.gpu_catalog import GpuInstance, gpu_catalog
from moorage.planner.instance_fit import allocatable_gib

_DISK_GIB = 500


def instance(cloud: str, region: str, instance_type: str) -> GpuInstance:
    """The row of the catalogue."""
    (row,) = [
        row for row in gpu_catalog() if (row.cloud, row.region, row.instance_type) == (cloud, region, instance_type)
    ]
    return row


def gpu_node(name: str, shape: GpuInstance, pool: str, *, zone: str = "a") -> dict[str, Any]:
    """A node of a GPU pool: what the pool's label, taint and device plugin make of an instance."""
    allocatable = {
        "cpu": str(shape.vcpus),
        "memory": f"{int(allocatable_gib(shape) * 1024)}Mi",
        "ephemeral-storage": f"{_DISK_GIB}Gi",
        GPU_RESOURCE: str(int(shape.gpu_count)),
        "pods": "110",
    }
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": name,
            "labels": {
                "kubernetes.io/hostname": name,
                "kubernetes.io/os": "linux",
                "kubernetes.io/arch": "amd64",
                "node.kubernetes.io/instance-type": shape.instance_type,
                "topology.kubernetes.io/region": shape.region,
                "topology.kubernetes.io/zone": f"{shape.region}{zone}",
                GPU_POOL_LABEL: pool,
            },
        },
        "spec": {"taints": [{"key": GPU_RESOURCE, "value": GPU_TAINT_VALUE, "effect": GPU_TAINT_EFFECT}]},
        "status": {"capacity": allocatable, "allocatable": allocatable},
    }


def plain_node(name: str) -> dict[str, Any]:
    """A node without GPUs, large enough for everything else."""
    amounts = {"cpu": "16", "memory": "64Gi", "ephemeral-storage": "200Gi", "pods": "110"}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": {"kubernetes.io/hostname": name, "kubernetes.io/os": "linux"}},
        "spec": {},
        "status": {"capacity": amounts, "allocatable": amounts},
    }
