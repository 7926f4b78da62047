"""The pool of GPU nodes for a model: which instances, bought how, in which order, and how the model lies on them."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from moorage.engine.parallelism import Parallelism
from moorage.planner.availability import gcp_zones_of
from moorage.planner.gpu_catalog import Cloud, GpuInstance, instance_types, instances_in
from moorage.planner.gpu_memory import Demand
from moorage.planner.instance_fit import InstanceFit, all_fits, fits_on, gpu_of, smallest_fit
from moorage.planner.pool_refusals import (
    capacity_problems,
    instance_problems,
    nothing_fits,
    parallelism_problems,
    region_problems,
    zone_problems,
)
from moorage.planner.pool_spec import CapacityType, PoolSpec
from moorage.spec import Problem, SpecError

_MAX_INSTANCE_TYPES = 4
_MAX_PRICE_RATIO = 2
# The upper end of what AWS asks for spot of its G families (karpenter and skypilot's catalogues, 2026-07).
_USUAL_SPOT_SHARE = 0.55


@dataclass(frozen=True)
class PoolRung:
    """One way to get a node, tried before the ones after it."""

    instance_type: str
    capacity_type: CapacityType


@dataclass(frozen=True)
class PoolLadder:
    """All rungs hold one replica in the same way, so that its pods can go to any."""

    rungs: tuple[PoolRung, ...]
    parallelism: Parallelism
    gpu_memory_gib: float
    """What torch sees on the smallest of these GPUs."""
    usd_per_hour: float | None
    """Of one replica on the first rung, all its nodes together. None: the catalogue has no price for it."""
    comparable_usd_per_hour: float | None
    """The same on demand, in the cloud's reference region where the price in this one is not known."""


def pool_ladder(
    demand: Demand,
    pool: PoolSpec,
    *,
    cloud: Cloud,
    region: str,
    min_replicas: int,
    zones: Sequence[str] = (),
    is_launched: Callable[[str], bool] = lambda _: True,
) -> PoolLadder:
    """The cheapest instances that hold the model, or those that the stack names; each way to buy them in turn.

    At most four types, none at more than twice the price of the cheapest.  Several nodes for one replica only where no
    instance of the region holds it alone.

    Args:
        demand: what has to fit.
        pool: what the stack says.
        cloud: whose catalogue.
        region: in the cloud's own words.
        min_replicas: with two or more, the ladder must not be spot alone.
        zones: of Google's region, where the nodes may be; each rung has to be in one of them. Default: in any.
        is_launched: whether the cluster's pools can have nodes of a type. What the stack names is not asked of it.

    Raises:
        SpecError: with everything that is wrong, the numbers and what would work.
    """
    candidates = [row for row in _candidates(pool, cloud, region, zones) if is_launched(row.instance_type)]
    problems = [
        *capacity_problems(pool, cloud, min_replicas),
        *parallelism_problems(demand, pool),
        *region_problems(pool, cloud, region, lambda: _names_that_fit(demand, instance_types(cloud).values(), pool)),
        *instance_problems(pool, cloud, region, lambda: _names_that_fit(demand, candidates, pool)),
        *zone_problems(pool, zones),
    ]
    if problems:
        raise SpecError(problems)
    if pool.instance_types:
        return _ladder(_named(demand, pool, cloud, region), pool)
    return _ladder(_cheapest(demand, pool, candidates), pool)


def _cheapest(demand: Demand, pool: PoolSpec, candidates: Sequence[GpuInstance]) -> list[InstanceFit]:
    found = [fit for instance in candidates if (fit := _smallest(demand, instance, pool))]
    if not found:
        raise SpecError([nothing_fits(demand, candidates, pool)])
    best = min(found, key=_rank)
    alike = [InstanceFit(fit.instance, best.parallelism) for fit in found]
    alike = sorted((fit for fit in alike if fits_on(demand, fit.instance, fit.parallelism)), key=_rank)
    limit = _MAX_PRICE_RATIO * _order(best)
    return [fit for fit in alike if _order(fit) <= limit][:_MAX_INSTANCE_TYPES]


def _named(demand: Demand, pool: PoolSpec, cloud: Cloud, region: str) -> list[InstanceFit]:
    """In the order in which they are named, all with the first way to split the model that suits every one."""
    rows = _specifications(cloud, region)
    instances = [rows[name] for name in pool.instance_types or ()]
    problems = [
        nothing_fits(demand, [instance], pool) for instance in instances if _smallest(demand, instance, pool) is None
    ]
    if problems:
        raise SpecError(problems)
    for fit in all_fits(demand, instances[0], pool.max_nodes):
        same = [InstanceFit(instance, fit.parallelism) for instance in instances]
        if _is_wanted(fit, pool) and all(fits_on(demand, each.instance, each.parallelism) for each in same):
            return same
    names = ", ".join(pool.instance_types or ())
    raise SpecError([Problem("pool.instance_types", f" = {names}: no tensor_parallel_size suits them all")])


def _ladder(chosen: Sequence[InstanceFit], pool: PoolSpec) -> PoolLadder:
    rungs = list(_rungs(chosen, pool))
    first, capacity_type = rungs[0]
    return PoolLadder(
        rungs=tuple(PoolRung(fit.instance.instance_type, capacity) for fit, capacity in rungs),
        parallelism=first.parallelism,
        gpu_memory_gib=min(gpu_of(fit.instance).usable_gib for fit in chosen),
        usd_per_hour=first.usd_per_hour(capacity_type),
        comparable_usd_per_hour=first.comparable_usd_per_hour,
    )


def _rungs(chosen: Sequence[InstanceFit], pool: PoolSpec) -> Iterator[tuple[InstanceFit, CapacityType]]:
    for capacity_type in pool.capacity_types:
        for fit in chosen if pool.instance_types else _by_price(chosen, capacity_type):
            yield fit, capacity_type


def _by_price(chosen: Sequence[InstanceFit], capacity_type: CapacityType) -> list[InstanceFit]:
    return sorted(chosen, key=lambda fit: _price(fit, capacity_type))


def _candidates(pool: PoolSpec, cloud: Cloud, region: str, zones: Sequence[str]) -> list[GpuInstance]:
    """What can be bought in one of the ways that the stack allows, in one of its zones."""
    return [
        instance
        for instance in instances_in(cloud, region)
        if instance.is_placeable
        and (instance.comparable_usd_per_hour is not None or "reservation" in pool.capacity_types)
        and _is_in(instance, zones)
    ]


def _is_in(instance: GpuInstance, zones: Sequence[str]) -> bool:
    known = gcp_zones_of(instance.instance_type) if instance.cloud == "gcp" and zones else None
    return known is None or not known.isdisjoint(zones)


def _specifications(cloud: Cloud, region: str) -> dict[str, GpuInstance]:
    """By type: this region's row, or another's for what is reserved where it is not for sale."""
    return {**instance_types(cloud), **{row.instance_type: row for row in instances_in(cloud, region)}}


def _names_that_fit(demand: Demand, instances: Iterable[GpuInstance], pool: PoolSpec) -> list[str]:
    found = [fit for instance in instances if instance.is_placeable and (fit := _smallest(demand, instance, pool))]
    return [fit.instance.instance_type for fit in sorted(found, key=_rank)[:_MAX_INSTANCE_TYPES]]


def _smallest(demand: Demand, instance: GpuInstance, pool: PoolSpec) -> InstanceFit | None:
    if pool.tensor_parallel_size is None:
        return smallest_fit(demand, instance, pool.max_nodes)
    return next((fit for fit in all_fits(demand, instance, pool.max_nodes) if _is_wanted(fit, pool)), None)


def _is_wanted(fit: InstanceFit, pool: PoolSpec) -> bool:
    return pool.tensor_parallel_size in (None, fit.parallelism.tensor_parallel_size)


def _rank(fit: InstanceFit) -> tuple[int, float, str]:
    return fit.parallelism.pipeline_parallel_size, _order(fit), fit.instance.instance_type


def _order(fit: InstanceFit) -> float:
    """By what it costs on demand; one that is only to be had by reservation comes last."""
    price = fit.comparable_usd_per_hour
    return float("inf") if price is None else price


def _price(fit: InstanceFit, capacity_type: CapacityType) -> tuple[float, str]:
    usual_share = _USUAL_SPOT_SHARE if capacity_type == "spot" else 1
    price = fit.usd_per_hour(capacity_type)
    return (_order(fit) * usual_share if price is None else price), fit.instance.instance_type
