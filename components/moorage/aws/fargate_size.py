"""Which sizes a task on AWS Fargate can have."""

import math
from typing import NamedTuple

_UNITS_PER_VCPU = 1024
_MIB_PER_GIB = 1024


class _Size(NamedTuple):
    """The memory that goes with so many vCPUs, in GiB: from `least` to `most`, in steps of `step`."""

    vcpu: float
    least: float
    most: float
    step: float


# docs.aws.amazon.com/AmazonECS/latest/developerguide/task-cpu-memory-error.html (read 2026-11-25), Linux.
_SIZES = (
    _Size(0.5, 1, 4, 1),
    _Size(1, 2, 8, 1),
    _Size(2, 4, 16, 1),
    _Size(4, 8, 30, 1),
    _Size(8, 16, 60, 4),
    _Size(16, 32, 120, 8),
)
VCPUS = tuple(size.vcpu for size in _SIZES)
MOST_MEMORY_GIB = _SIZES[-1].most
MOST_STOP_SECONDS = 120
"""docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ContainerDefinition.html, stopTimeout (read 2026-11-25)."""


CPU_ARCHITECTURES = {"arm64": "ARM64", "x86_64": "X86_64"}
"""What a task definition calls an image's architecture."""


class FargateSize(NamedTuple):
    """As a task definition says it."""

    cpu_units: int
    memory_mib: int


def fargate_size(vcpu: float, memory_mib: float) -> FargateSize | None:
    """The smallest with at least so many vCPUs and so much memory; None where there is none so large."""
    for size in _SIZES:
        steps = math.ceil(max(0.0, memory_mib / _MIB_PER_GIB - size.least) / size.step)
        memory_gib = size.least + steps * size.step
        if size.vcpu >= vcpu and memory_gib <= size.most:
            return FargateSize(int(size.vcpu * _UNITS_PER_VCPU), int(memory_gib * _MIB_PER_GIB))
    return None
