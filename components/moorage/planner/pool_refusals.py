"""What is wrong with a pool, in the words of its stack, with the numbers and what would work."""

from collections.abc import Callable, Iterator, Sequence

from moorage.engine.host_need import host_need
from moorage.engine.lora import MAX_LORA_RANK
from moorage.engine.parallelism import Parallelism, divides_heads, tensor_parallel_sizes
from moorage.planner.availability import gcp_region_of, gcp_zones_of, nearest_first
from moorage.planner.gpu_catalog import Cloud, GpuInstance, gpu_catalog, instance_types, regions_of
from moorage.planner.gpu_memory import Demand, shortage
from moorage.planner.instance_fit import (
    allocatable_gib,
    computes,
    gpu_of,
    has_room_beside_gpus,
    parallelisms,
    smallest_fit,
)
from moorage.planner.pool_spec import CAPACITY_TYPES, LASTING, PoolSpec
from moorage.spec import ModelFacts, Problem
from moorage.spec.wording import suggestion

_MOST_GPUS = 16
_MOST_NODES = 8
_MOST_NAMES = 6


def capacity_problems(pool: PoolSpec, cloud: Cloud, min_replicas: int) -> Iterator[Problem]:
    asked = ", ".join(pool.capacity_types)
    unknown = [name for name in pool.capacity_types if name not in CAPACITY_TYPES[cloud]]
    if unknown:
        has = ", ".join(CAPACITY_TYPES[cloud])
        yield Problem("pool.capacity_types", f" = {asked}: {cloud} has {has}")
    elif min_replicas > 1 and not LASTING.intersection(pool.capacity_types):
        reason = "the cloud can take all of them back at once; add on-demand or reservation"
        yield Problem("pool.capacity_types", f" = {asked}: with {min_replicas} replicas as the least, {reason}")


def parallelism_problems(demand: Demand, pool: PoolSpec) -> Iterator[Problem]:
    size = pool.tensor_parallel_size
    if size is not None:
        yield from tensor_parallel_problems(demand.facts, size, "pool.tensor_parallel_size")
    if demand.lora_rank is not None:
        yield from lora_rank_problems(demand.lora_rank, "engine.lora_rank")


def tensor_parallel_problems(facts: ModelFacts, size: int, key: str) -> Iterator[Problem]:
    if not divides_heads(facts, size):
        possible = ", ".join(str(size) for size in tensor_parallel_sizes(facts, _MOST_GPUS))
        heads = f"{facts.num_attention_heads} attention heads and {facts.num_key_value_heads} KV heads"
        yield Problem(key, f" = {size}: does not divide the model's {heads} evenly; possible is {possible}")


def lora_rank_problems(rank: int, key: str) -> Iterator[Problem]:
    if rank > MAX_LORA_RANK:
        yield Problem(key, f" = {rank}: vLLM serves LoRA adapters up to rank {MAX_LORA_RANK}")


def region_problems(
    pool: PoolSpec, cloud: Cloud, region: str, names_that_fit: Callable[[], Sequence[str]]
) -> Iterator[Problem]:
    """For a region where no instance that vLLM runs on is for sale."""
    regions = {row.region for row in _placeable(cloud)}
    if region not in regions and not (_is_reserved(pool) and pool.instance_types):
        known, names = sorted(regions), ", ".join(names_that_fit())
        hint = f"; {names} would fit, the cheapest first" if names else ""
        message = f" = {region}: has no instance with GPUs that is known{suggestion(region, known)}"
        yield Problem(f"{cloud}.region", f"{message}; there are some in {_some(nearest_first(known, region))}{hint}")


def instance_problems(
    pool: PoolSpec, cloud: Cloud, region: str, names_that_fit: Callable[[], Sequence[str]]
) -> Iterator[Problem]:
    """For what is no type, of no use, or not for sale in this region; `names_that_fit` are those that are."""
    key, known = "pool.instance_types", instance_types(cloud)
    absent: list[str] = []
    for name in pool.instance_types or ():
        if name not in known:
            placeable = sorted(row.instance_type for row in known.values() if row.is_placeable)
            hint = suggestion(name, placeable)
            yield Problem(key, f": {name} is no instance type with GPUs of {cloud} that is known{hint}")
        elif not known[name].is_placeable:
            yield Problem(key, f": {name} has no whole NVIDIA GPU, which vLLM's image and `nvidia.com/gpu` need")
        elif region not in regions_of(cloud, name) and not _is_reserved(pool):
            absent.append(name)
    instead = names_that_fit() if absent else ()
    for name in absent:
        where = _some(nearest_first(regions_of(cloud, name), region))
        hint = f"; in {region} {', '.join(instead)} would fit" if instead else ""
        yield Problem(key, f": {name} is not to be had in {region}; it is in {where}{hint}")


def zone_problems(pool: PoolSpec, zones: Sequence[str]) -> Iterator[Problem]:
    """For what Google has in none of the stack's zones, though it has it in another of the region."""
    for name in pool.instance_types or () if zones and not _is_reserved(pool) else ():
        known = gcp_zones_of(name)
        of_region = sorted(zone for zone in known or () if gcp_region_of(zone) == gcp_region_of(zones[0]))
        if of_region and not set(of_region) & set(zones):
            message = f": has none with {name}, which is in {', '.join(of_region)}"
            yield Problem("gcp.zones", f" = {', '.join(zones)}{message}")


def _is_reserved(pool: PoolSpec) -> bool:
    """Who has reserved what knows where it is: AWS sells capacity blocks where it has no other."""
    return set(pool.capacity_types) == {"reservation"}


def _some(names: Sequence[str]) -> str:
    shown, rest = names[:_MOST_NAMES], len(names) - _MOST_NAMES
    return ", ".join(shown) + (f" and {rest} more" if rest > 0 else "")


def nothing_fits(demand: Demand, instances: Sequence[GpuInstance], pool: PoolSpec) -> Problem:
    """Why the largest of these instances does not hold the model, and on how many of them it would fit."""
    largest = max(instances, key=lambda each: (gpu_of(each).usable_gib * each.gpu_count, each.instance_type))
    name, gpu = largest.instance_type, gpu_of(largest)
    if not computes(demand, gpu):
        return Problem("model.dtype", f": {name}: {largest.gpu_name} has no bfloat16; only float16 and float32 do")
    splits = [
        split
        for split in parallelisms(demand, largest, pool.max_nodes)
        if pool.tensor_parallel_size in (None, split.tensor_parallel_size)
    ]
    if not splits:
        size = pool.tensor_parallel_size
        return Problem("pool.tensor_parallel_size", f" = {size}: {name} has {int(largest.gpu_count)} GPUs")
    split = min(splits, key=lambda each: demand.need(each).total_gib)
    problem = shortage(demand, split, gpu.usable_gib, _gpus(largest, split))
    if problem is None:
        return _no_room(largest, next(each for each in splits if not has_room_beside_gpus(largest, each)))
    return Problem(problem.key, f"{problem.message}{_on_more_nodes(demand, largest, pool)}")


def _gpus(instance: GpuInstance, split: Parallelism) -> str:
    several = "" if split.pipeline_parallel_size == 1 else f" on each of {split.pipeline_parallel_size} nodes"
    return f"{split.tensor_parallel_size} x {instance.gpu_name} of {instance.instance_type}{several}"


def _no_room(instance: GpuInstance, split: Parallelism) -> Problem:
    need = host_need(split)
    offered = f"{allocatable_gib(instance):.0f} GiB and {instance.vcpus} CPUs"
    message = f": {instance.instance_type} leaves {offered}; the engine needs {need.memory_gib} GiB and {need.cpus}"
    return Problem("pool.instance_types", message)


def _on_more_nodes(demand: Demand, instance: GpuInstance, pool: PoolSpec) -> str:
    fit = smallest_fit(demand, instance, _MOST_NODES)
    if fit is None or fit.parallelism.pipeline_parallel_size <= pool.max_nodes:
        return ""
    return f"; or pool.max_nodes = {fit.parallelism.pipeline_parallel_size}"


def _placeable(cloud: Cloud) -> list[GpuInstance]:
    return [row for row in gpu_catalog() if row.cloud == cloud and row.is_placeable]
