"""Engines as the planner sizes them and the library writes them, without a stack around them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from moorage.cli.manifests import manifests_of
from moorage.cli.offline_program import NoProviders
from moorage.cli.recording import run_program
from moorage.kubernetes.placement import PoolKind, gpu_pool_placement
from moorage.kubernetes.vllm import VllmDeployment
from moorage.planner.gpu_catalog import Cloud, GpuInstance, instances_in
from moorage.planner.gpu_memory import Demand
from moorage.planner.pool_ladder import PoolLadder, pool_ladder
from moorage.planner.pool_spec import PoolSpec
from moorage.spec import Load, ModelFacts, parse, parse_model
from tests.model_facts import LLAMA_8B

from .cluster import Document

NAME = "engine"
SELECTOR = f"app.kubernetes.io/instance={NAME}"
MODEL = {"source": "s3://harbour/llama", "max_model_len": 8192}
REGIONS: dict[Cloud, str] = {"aws": "us-east-1", "gcp": "us-central1"}
IMAGE = "vllm/vllm-openai@sha256:" + "89abcdef01234567" * 4


@dataclass(frozen=True)
class Pool:
    """A pool of GPU nodes for one model, and the instances that its nodes may be."""

    name: str
    facts: ModelFacts
    ladder: PoolLadder
    shapes: tuple[GpuInstance, ...]


def pool_for(name: str, facts: ModelFacts = LLAMA_8B, cloud: Cloud = "aws", **pool: object) -> Pool:
    """As the planner chooses it."""
    spec = parse(PoolSpec, pool, "pool")
    ladder = pool_ladder(
        Demand(parse_model(MODEL), facts, Load()), spec, cloud=cloud, region=REGIONS[cloud], min_replicas=1
    )
    by_type = {row.instance_type: row for row in instances_in(cloud, REGIONS[cloud])}
    return Pool(name, facts, ladder, tuple(by_type[rung.instance_type] for rung in ladder.rungs))


def engine(namespace: str, pool: Pool, *, kind: PoolKind = "elastic", **arguments: Any) -> list[Document]:
    """All objects of one `VllmDeployment` on the pool."""
    split = pool.ladder.parallelism
    given = {
        "namespace": namespace,
        "image": IMAGE,
        "model": MODEL,
        "revision": "v1",
        "facts": pool.facts.model_dump(),
        "gpu_memory_gib": pool.ladder.gpu_memory_gib,
        "tensor_parallel_size": split.tensor_parallel_size,
        "pipeline_parallel_size": split.pipeline_parallel_size,
        "placement": gpu_pool_placement(pool.name, kind),
        **arguments,
    }
    return rendered(lambda: VllmDeployment(NAME, given))


def rendered(program: Callable[[], object]) -> list[Document]:
    """What `moorage render --show-secrets` would write of this program; nothing where it has no objects."""
    provider = NoProviders(make_credentials=True)
    _, recording = run_program(program, provider, project="moorage", stack="tests", preview=True)
    manifests = manifests_of(recording.registrations, secret_store="moorage", show_secrets=True)
    assert manifests.problems == []
    return manifests.objects
