"""What an account on AWS has to be allowed before a pool of GPUs can be as large as it may."""

from collections.abc import Iterator

from moorage.aws.compute_quotas import quota_of
from moorage.planner.gpu_catalog import instance_types
from moorage.planner.pool_ladder import PoolLadder


def gpu_warnings(ladder: PoolLadder, instances: int) -> Iterator[str]:
    """Which quotas the pool needs, of which a new account has nothing."""
    known = instance_types("aws")
    needed: dict[tuple[str, str], int] = {}
    for rung in ladder.rungs:
        quota = quota_of(rung.instance_type, is_spot=rung.capacity_type == "spot")
        key = (quota.code, f"{quota.name}, of which a new account has {quota.default_vcpus}")
        needed[key] = max(needed.get(key, 0), known[rung.instance_type].vcpus * instances)
    for (code, name), vcpus in needed.items():
        yield f"the pool may have {instances} instances at once: they need {vcpus} vCPUs of quota {code} ({name})"
