"""What stacks with a pool of GPU nodes of their own have in common."""

from collections.abc import Callable, Iterator, Sequence

from configuration import Configuration
from demand import demand_of
from moorage.engine import drain_budget
from moorage.kubernetes.vllm_spec import PROPAGATION_SECONDS
from moorage.planner.gpu_catalog import REFERENCE_REGIONS, Cloud
from moorage.planner.pool_ladder import PoolLadder, pool_ladder
from moorage.planner.pool_spec import LASTING


def ladder_of(
    configuration: Configuration,
    cloud: Cloud,
    region: str,
    zones: Sequence[str] = (),
    is_launched: Callable[[str], bool] = lambda _: True,
) -> PoolLadder:
    """Raises `moorage.spec.SpecError` for a model that no instance holds, and for a pool that cannot be."""
    return pool_ladder(
        demand_of(configuration),
        configuration.pool,
        cloud=cloud,
        region=region,
        min_replicas=configuration.replicas.min,
        zones=zones,
        is_launched=is_launched,
    )


def spot_warnings(ladder: PoolLadder) -> Iterator[str]:
    """Of a pool that may be empty from one moment to the next; with several replicas as the least it is refused."""
    ways = sorted({rung.capacity_type for rung in ladder.rungs})
    if not LASTING.intersection(ways):
        yield (
            f"pool.capacity_types = {', '.join(ways)}: the cloud can take the nodes back at any time, and nothing else "
            "is tried: nobody is answered until it has some again; add on-demand"
        )


def rungs_of(ladder: PoolLadder) -> list[dict[str, str]]:
    return [{"instance_type": rung.instance_type, "capacity_type": rung.capacity_type} for rung in ladder.rungs]


def max_gpus(configuration: Configuration, ladder: PoolLadder) -> int:
    """For all engines, and for one more while they are rolled."""
    return ((configuration.replicas.max or configuration.replicas.min) + 1) * ladder.parallelism.devices


def drain_seconds(configuration: Configuration) -> int:
    return drain_budget(configuration.service_level.p99_request_seconds, PROPAGATION_SECONDS).grace_seconds


def cost_of(configuration: Configuration, ladder: PoolLadder, cloud: Cloud) -> dict[str, float | str]:
    least = configuration.replicas.min
    if ladder.usd_per_hour is not None:
        note = "the engines' nodes at the first rung's list price; the cluster, its network and what is by use come on"
        return {"usd_per_hour": round(ladder.usd_per_hour * least, 4), "note": f"{note} top"}
    unknown = "the catalogue has no price of the engines' nodes"
    if ladder.comparable_usd_per_hour is None:
        return {"note": unknown}
    there = round(ladder.comparable_usd_per_hour * least, 4)
    return {"note": f"{unknown} here; on demand in {REFERENCE_REGIONS[cloud]} they are {there} USD per hour"}
