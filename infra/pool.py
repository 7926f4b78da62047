"""What stacks with a pool of GPU nodes of their own have in common."""

from cluster_stack import demand_of
from configuration import Configuration
from moorage.engine import drain_budget
from moorage.kubernetes.vllm_spec import PROPAGATION_SECONDS
from moorage.planner.gpu_catalog import Cloud
from moorage.planner.pool_ladder import PoolLadder, pool_ladder


def ladder_of(configuration: Configuration, cloud: Cloud, region: str) -> PoolLadder:
    """Raises `moorage.spec.SpecError` for a model that no instance holds, and for a pool that cannot be."""
    least = configuration.replicas.min
    return pool_ladder(demand_of(configuration), configuration.pool, cloud=cloud, region=region, min_replicas=least)


def rungs_of(ladder: PoolLadder) -> list[dict[str, str]]:
    return [{"instance_type": rung.instance_type, "capacity_type": rung.capacity_type} for rung in ladder.rungs]


def max_gpus(configuration: Configuration, ladder: PoolLadder) -> int:
    """For all engines, and for one more while they are rolled."""
    return ((configuration.replicas.max or configuration.replicas.min) + 1) * ladder.parallelism.devices


def drain_seconds(configuration: Configuration) -> int:
    return drain_budget(configuration.service_level.p99_request_seconds, PROPAGATION_SECONDS).grace_seconds


def cost_of(configuration: Configuration, ladder: PoolLadder) -> dict[str, float | str]:
    note = "the engines' nodes at the first rung's list price; the cluster, its network and what is by use come on top"
    if ladder.usd_per_hour is None:
        return {"note": "the catalogue has no price of the engines' nodes"}
    return {"usd_per_hour": round(ladder.usd_per_hour * configuration.replicas.min, 4), "note": note}
