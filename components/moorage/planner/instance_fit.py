"""Which instances hold a model, and over how many of their GPUs."""

from collections.abc import Iterator
from dataclasses import dataclass

from moorage.engine.host_need import host_need
from moorage.engine.parallelism import Parallelism, tensor_parallel_sizes
from moorage.planner.gpu_catalog import GpuInstance, GpuModel
from moorage.planner.gpu_memory import Demand, fits
from moorage.planner.pool_spec import CapacityType

# Below it a GPU computes no bfloat16 (vllm/platforms/cuda.py, supported_dtypes, vLLM 0.32.0).
_BFLOAT16_COMPUTE_CAPABILITY = 8.0

# A machine's own share of its memory: Karpenter's default `VM_MEMORY_OVERHEAD_PERCENT` (karpenter.sh/docs/reference/
# settings), then what GKE reserves, which is more than EKS does (docs.cloud.google.com/kubernetes-engine/docs/concepts/
# plan-node-sizes; both read 2026-11-25), then what one replica per node of the cluster's own agents takes.
_VIRTUAL_MACHINE_SHARE = 0.075
_RESERVED_STEPS = ((4, 0.25), (4, 0.20), (8, 0.10), (112, 0.06))
_RESERVED_BEYOND = 0.02
_EVICTION_GIB = 0.1
_AGENTS_GIB = 0.5
_AGENTS_CPUS = 0.5


@dataclass(frozen=True)
class InstanceFit:
    """One replica on machines of this type."""

    instance: GpuInstance
    parallelism: Parallelism

    def usd_per_hour(self, capacity_type: CapacityType) -> float | None:
        """Of all machines that one replica needs. A reservation is taken to cost what it costs on demand."""
        instance = self.instance
        return self._of_all(instance.spot_usd_per_hour if capacity_type == "spot" else instance.price_usd_per_hour)

    @property
    def comparable_usd_per_hour(self) -> float | None:
        """Of all machines, on demand, in the cloud's reference region where this one's price is not known."""
        return self._of_all(self.instance.comparable_usd_per_hour)

    def _of_all(self, price: float | None) -> float | None:
        return None if price is None else price * self.parallelism.pipeline_parallel_size


def gpu_of(instance: GpuInstance) -> GpuModel:
    """Raises ValueError for an instance that is not placeable."""
    if instance.gpu is None:
        raise ValueError(f"{instance.instance_type}: {instance.gpu_count} x {instance.gpu_name} is nothing for vLLM")
    return instance.gpu


def smallest_fit(demand: Demand, instance: GpuInstance, max_nodes: int) -> InstanceFit | None:
    """On the fewest machines, then on the fewest GPUs."""
    return next(all_fits(demand, instance, max_nodes), None)


def all_fits(demand: Demand, instance: GpuInstance, max_nodes: int) -> Iterator[InstanceFit]:
    for parallelism in parallelisms(demand, instance, max_nodes):
        if fits_on(demand, instance, parallelism):
            yield InstanceFit(instance, parallelism)


def parallelisms(demand: Demand, instance: GpuInstance, max_nodes: int) -> Iterator[Parallelism]:
    """All ways to split the model over so many of these machines."""
    for nodes in range(1, min(max_nodes, demand.facts.num_hidden_layers) + 1):
        for size in tensor_parallel_sizes(demand.facts, int(instance.gpu_count)):
            yield Parallelism(size, nodes)


def fits_on(demand: Demand, instance: GpuInstance, parallelism: Parallelism) -> bool:
    gpu = gpu_of(instance)
    return (
        parallelism.tensor_parallel_size <= instance.gpu_count
        and computes(demand, gpu)
        and has_room_beside_gpus(instance, parallelism)
        and fits(demand, parallelism, gpu.usable_gib)
    )


def computes(demand: Demand, gpu: GpuModel) -> bool:
    """Whether the GPU knows the type that the model is served in."""
    is_saved_as = demand.model.dtype == "auto" and demand.facts.dtype == "BF16"
    needs_bfloat16 = demand.model.dtype == "bfloat16" or is_saved_as
    return not needs_bfloat16 or gpu.compute_capability >= _BFLOAT16_COMPUTE_CAPABILITY


def has_room_beside_gpus(instance: GpuInstance, parallelism: Parallelism) -> bool:
    need = host_need(parallelism)
    return need.memory_gib <= allocatable_gib(instance) and need.cpus <= instance.vcpus - _AGENTS_CPUS


def allocatable_gib(instance: GpuInstance) -> float:
    """What the machine's memory leaves for pods of ours."""
    rest = memory = instance.ram_gib * (1 - _VIRTUAL_MACHINE_SHARE)
    reserved = _EVICTION_GIB + _AGENTS_GIB
    for step, share in _RESERVED_STEPS:
        reserved += min(rest, step) * share
        rest = max(rest - step, 0)
    return memory - reserved - rest * _RESERVED_BEYOND
