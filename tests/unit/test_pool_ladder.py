"""From a model to the instances that hold it; what does not fit is refused with the numbers."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.model_facts import LLAMA_8B, LLAMA_70B, LLAMA_405B, QWEN_05B

from moorage.aws.gpu_pool_spec import launched_by_auto_mode
from moorage.engine.parallelism import Parallelism, divides_heads
from moorage.planner.gpu_catalog import REFERENCE_REGIONS, Cloud, GpuInstance, gpu_catalog, instances_in
from moorage.planner.gpu_memory import Demand, available_gib, fits, kv_cache_tokens
from moorage.planner.instance_fit import allocatable_gib, fits_on
from moorage.planner.pool_ladder import PoolLadder, PoolRung, pool_ladder
from moorage.planner.pool_spec import CAPACITY_TYPES, PoolSpec
from moorage.spec import Load, ModelFacts, SpecError, parse, parse_model

MODEL = {"source": "hf://meta-llama/Llama-3.1", "max_model_len": 8192}
FULL_CONTEXT = {"source": "hf://meta-llama/Llama-3.1"}


def demand(facts: ModelFacts, model: dict[str, object] | None = None, **changes: object) -> Demand:
    load, rank = Load(**changes.pop("load", {})), changes.pop("lora_rank", None)
    return Demand(parse_model({**(model or MODEL), **changes}), facts, load, rank)


def ladder(
    asked: Demand,
    cloud: Cloud = "aws",
    region: str | None = None,
    replicas: int = 1,
    zones: Sequence[str] = (),
    is_launched: Callable[[str], bool] = lambda _: True,
    **pool: object,
) -> PoolLadder:
    spec = parse(PoolSpec, pool, "pool")
    return pool_ladder(
        asked,
        spec,
        cloud=cloud,
        region=region or REFERENCE_REGIONS[cloud],
        min_replicas=replicas,
        zones=zones,
        is_launched=is_launched,
    )


def refusal(asked: Demand, *where: Any, **pool: Any) -> str:
    with pytest.raises(SpecError) as raised:
        ladder(asked, *where, **pool)
    return str(raised.value)


def on_demand(*instance_types: str) -> tuple[PoolRung, ...]:
    return tuple(PoolRung(name, "on-demand") for name in instance_types)


@pytest.mark.parametrize(
    ("facts", "cloud", "instance_types", "parallelism", "usd_per_hour"),
    [
        (LLAMA_8B, "aws", ["g6.2xlarge", "g5.2xlarge", "g6.4xlarge", "gr6.4xlarge"], Parallelism(1, 1), 0.9776),
        (LLAMA_8B, "gcp", ["g2-standard-8", "g2-standard-12", "g2-standard-16"], Parallelism(1, 1), 0.85362),
        (LLAMA_70B, "aws", ["g7e.12xlarge", "g7e.24xlarge"], Parallelism(2, 1), 8.28608),
        (LLAMA_70B, "gcp", ["g2-standard-96"], Parallelism(8, 1), 8.00333),
        (LLAMA_405B, "aws", ["p5en.48xlarge", "p6-b200.48xlarge"], Parallelism(8, 1), 63.296),
        (LLAMA_405B, "gcp", ["a3-ultragpu-8g"], Parallelism(8, 1), 86.7599),
    ],
    ids=["8B on AWS", "8B on Google", "70B on AWS", "70B on Google", "405B on AWS", "405B on Google"],
)
def test_llama_31_in_16_bit(
    facts: ModelFacts, cloud: Cloud, instance_types: list[str], parallelism: Parallelism, usd_per_hour: float
):
    chosen = ladder(demand(facts), cloud)
    assert chosen.rungs == on_demand(*instance_types)
    assert chosen.parallelism == parallelism
    assert chosen.usd_per_hour == usd_per_hour


def test_each_way_to_buy_is_tried_with_every_type_before_the_next_one():
    chosen = ladder(demand(LLAMA_8B), "gcp", capacity_types=["spot", "on-demand"])
    types = ["g2-standard-8", "g2-standard-12", "g2-standard-16"]
    assert chosen.rungs == tuple(PoolRung(name, bought) for bought in ("spot", "on-demand") for name in types)
    assert chosen.usd_per_hour == 0.47987


def test_several_nodes_are_taken_only_where_no_instance_holds_the_model():
    assert ladder(demand(LLAMA_405B), max_nodes=2).parallelism.pipeline_parallel_size == 1
    spread = ladder(demand(LLAMA_405B), "gcp", "europe-west2", max_nodes=8)
    assert spread.parallelism == Parallelism(8, 6)
    assert spread.usd_per_hour == pytest.approx(6 * 9.11248)


def test_what_a_stack_names_is_taken_in_its_order():
    names = ["g5.12xlarge", "g6.2xlarge"]
    assert ladder(demand(LLAMA_8B), instance_types=names).rungs == on_demand(*names)


def test_what_a_stack_names_is_split_in_one_way_that_suits_all():
    chosen = ladder(demand(LLAMA_70B), instance_types=["g7e.24xlarge", "g6e.12xlarge"])
    assert chosen.parallelism == Parallelism(4, 1)
    assert chosen.gpu_memory_gib == 44.34


def test_where_no_price_is_known_the_types_of_the_region_are_chosen_by_what_they_cost_elsewhere():
    chosen = ladder(demand(LLAMA_8B), region="eu-west-1")
    assert chosen.rungs == on_demand("g5.2xlarge", "g5.4xlarge")
    assert chosen.usd_per_hour is None
    assert chosen.comparable_usd_per_hour == 1.212


def test_a_reservation_is_taken_at_its_word():
    """AWS sells capacity blocks in regions where it has no such instance on demand."""
    chosen = ladder(
        demand(LLAMA_405B), region="us-west-2", instance_types=["p5e.48xlarge"], capacity_types=["reservation"]
    )
    assert chosen.rungs == (PoolRung("p5e.48xlarge", "reservation"),)


def test_only_what_is_in_one_of_the_stacks_zones_is_chosen():
    """There is no G2 in us-central1-f; where G4 is, is not known."""
    anywhere, here = (ladder(demand(LLAMA_8B), "gcp", zones=zones) for zones in ([], ["us-central1-f"]))
    assert {rung.instance_type.split("-")[0] for rung in anywhere.rungs} == {"g2"}
    assert {rung.instance_type.split("-")[0] for rung in here.rungs} == {"a2", "g4"}


def families(chosen: PoolLadder) -> set[str]:
    return {rung.instance_type.partition(".")[0] for rung in chosen.rungs}


def test_what_the_clusters_pools_do_not_launch_is_not_chosen():
    """EKS Auto Mode has no g7, and its pool would be refused for a type that nobody has asked for."""
    asked = demand(LLAMA_8B, load={"concurrent_requests": 80})
    assert "g7" in families(ladder(asked))
    assert "g7" not in families(ladder(asked, is_launched=launched_by_auto_mode))


def test_adapters_need_room_too():
    adapters = {"lora_adapters": {f"a{number}": f"hf://org/a{number}" for number in range(8)}}
    plain, adapted = (ladder(demand(LLAMA_8B, lora_rank=256, **each)) for each in ({}, adapters))
    assert adapted.usd_per_hour > plain.usd_per_hour


models = st.sampled_from([QWEN_05B, LLAMA_8B, LLAMA_70B, LLAMA_405B])
clouds = st.sampled_from(["aws", "gcp"])
loads = st.builds(lambda requests: {"concurrent_requests": requests}, st.integers(1, 400))
contexts = st.sampled_from([2048, 8192, 32_768, 131_072])


def row(cloud: Cloud, region: str, instance_type: str) -> GpuInstance:
    (found,) = [each for each in instances_in(cloud, region) if each.instance_type == instance_type]
    return found


@given(models, clouds, loads, contexts, st.integers(1, 4), st.data())
def test_every_rung_holds_the_model(
    facts: ModelFacts, cloud: Cloud, load: dict[str, int], context: int, max_nodes: int, data: st.DataObject
):
    kinds = data.draw(st.lists(st.sampled_from(CAPACITY_TYPES[cloud]), min_size=1, unique=True))
    region = data.draw(st.sampled_from([each.region for each in gpu_catalog() if each.cloud == cloud]))
    asked = demand(facts, max_model_len=context, load=load)
    try:
        chosen = ladder(asked, cloud, region, capacity_types=kinds, max_nodes=max_nodes)
    except SpecError:
        return
    check(asked, chosen, cloud, region, max_nodes)


def check(asked: Demand, chosen: PoolLadder, cloud: Cloud, region: str, max_nodes: int) -> None:
    split = chosen.parallelism
    assert divides_heads(asked.facts, split.tensor_parallel_size)
    assert split.pipeline_parallel_size <= max_nodes
    assert len(set(chosen.rungs)) == len(chosen.rungs)
    for rung in chosen.rungs:
        instance = row(cloud, region, rung.instance_type)
        assert fits_on(asked, instance, split)
        assert instance.gpu is not None
        assert instance.gpu.usable_gib >= chosen.gpu_memory_gib
        assert asked.need(split).total_gib <= available_gib(chosen.gpu_memory_gib)


@given(models, clouds, st.integers(1, 400), st.integers(1, 400))
def test_more_load_is_never_cheaper(facts: ModelFacts, cloud: Cloud, one: int, other: int):
    fewer, more = (demand(facts, load={"concurrent_requests": number}) for number in sorted((one, other)))
    try:
        dear = ladder(more, cloud)
    except SpecError:
        return
    assert ladder(fewer, cloud).usd_per_hour <= dear.usd_per_hour


@given(models, st.integers(1, 64), st.integers(1, 4))
def test_a_split_model_takes_less_of_each_gpu_but_never_less_than_its_share(
    facts: ModelFacts, concurrent_requests: int, nodes: int
):
    asked = demand(facts, load={"concurrent_requests": concurrent_requests})
    whole = asked.need(Parallelism(1, 1))
    for size in [size for size in (2, 4, 8) if divides_heads(facts, size)]:
        part = asked.need(Parallelism(size, nodes))
        assert part.weights_gib * size * nodes >= whole.weights_gib - 1e-9
        assert part.kv_cache_gib * size * nodes >= whole.kv_cache_gib - 1e-9
        assert part.weights_gib < whole.weights_gib


@given(models, st.sampled_from([21.96, 44.34, 79.11, 139.72]), st.sampled_from([1, 2, 4, 8]))
def test_a_context_as_long_as_the_kv_cache_fits_and_one_block_more_does_not(
    facts: ModelFacts, usable_gib: float, size: int
):
    alone = {"concurrent_requests": 1, "mean_prompt_tokens": 1, "mean_output_tokens": 1}
    split = Parallelism(size, 1)
    tokens = kv_cache_tokens(demand(facts, load=alone), split, usable_gib)
    if tokens:
        assert fits(demand(facts, max_model_len=tokens, load=alone), split, usable_gib)
        assert not fits(demand(facts, max_model_len=tokens + 16, load=alone), split, usable_gib)


def test_a_model_that_fits_nowhere_is_refused_with_the_numbers_and_what_would_do():
    assert refusal(demand(LLAMA_405B), "gcp", "europe-west2") == (
        "model.source: does not fit: each of 8 x L4 of g2-standard-96 has 20.2 GiB for vLLM (22.0 x 0.92) and would "
        "need 99.7 (weights 96.4, KV cache 0.6, engine 2.7); take a quantized model, one with fewer parameters, or "
        "more or larger GPUs; or pool.max_nodes = 6"
    )


def test_a_context_that_the_kv_cache_does_not_hold_is_refused_with_what_it_holds():
    problem = refusal(demand(LLAMA_8B, FULL_CONTEXT), "gcp", instance_types=["g2-standard-8"])
    assert problem.startswith("model.max_model_len = 131072: must be at most 21664: each of 1 x L4 of g2-standard-8")
    ladder(demand(LLAMA_8B, max_model_len=21_664), "gcp", instance_types=["g2-standard-8"])


def test_a_load_that_the_kv_cache_does_not_hold_is_refused_with_what_it_holds():
    problem = refusal(demand(LLAMA_8B, load={"concurrent_requests": 300}), instance_types=["g6.2xlarge"])
    assert problem.startswith("load.concurrent_requests = 300: must be at most 33, of 640 tokens each: ")
    ladder(demand(LLAMA_8B, load={"concurrent_requests": 33}), instance_types=["g6.2xlarge"])


@pytest.mark.parametrize(
    ("pool", "problem"),
    [
        (
            {"tensor_parallel_size": 3},
            (
                "pool.tensor_parallel_size = 3: does not divide the model's 32 attention heads and 8 KV heads evenly; "
                "possible is 1, 2, 4, 8, 16"
            ),
        ),
        (
            {"capacity_types": ["flex-start"]},
            "pool.capacity_types = flex-start: aws has reservation, on-demand, spot",
        ),
        (
            {"instance_types": ["g6.2xlarg"]},
            (
                "pool.instance_types: g6.2xlarg is no instance type with GPUs of aws that is known "
                "(did you mean g6.2xlarge?)"
            ),
        ),
        (
            {"instance_types": ["g6f.xlarge"]},
            "pool.instance_types: g6f.xlarge has no whole NVIDIA GPU, which vLLM's image and `nvidia.com/gpu` need",
        ),
        (
            {"instance_types": ["g4dn.12xlarge"]},
            "model.dtype: g4dn.12xlarge: T4 has no bfloat16; only float16 and float32 do",
        ),
        (
            {"instance_types": ["g6.xlarge"]},
            "pool.instance_types: g6.xlarge leaves 12 GiB and 4 CPUs; the engine needs 15 GiB and 3",
        ),
        (
            {"instance_types": ["g6.2xlarge"], "tensor_parallel_size": 4},
            "pool.tensor_parallel_size = 4: g6.2xlarge has 1 GPUs",
        ),
        (
            {"capacity_types": []},
            (
                "pool.capacity_types = []: must be a list that is not empty, each one of reservation, on-demand, "
                "flex-start, spot"
            ),
        ),
    ],
    ids=["heads", "capacity type", "unknown", "slice", "bfloat16", "memory", "too few GPUs", "no capacity type"],
)
def test_a_pool_that_cannot_be_is_refused(pool: dict[str, object], problem: str):
    assert refusal(demand(LLAMA_8B), **pool) == problem


@pytest.mark.parametrize(
    ("cloud", "region", "name", "problem"),
    [
        (
            "aws",
            "eu-west-1",
            "g6.2xlarge",
            (
                "pool.instance_types: g6.2xlarge is not to be had in eu-west-1; it is in eu-central-1, eu-central-2, "
                "eu-north-1, eu-south-2, eu-west-2, eu-west-3 and 14 more; in eu-west-1 g5.2xlarge, g5.4xlarge, "
                "g5.8xlarge, g5.16xlarge would fit"
            ),
        ),
        (
            "aws",
            "us-east-1",
            "p5e.48xlarge",
            (
                "pool.instance_types: p5e.48xlarge is not to be had in us-east-1; it is in us-east-2; in us-east-1 "
                "g6.2xlarge, g5.2xlarge, g6.4xlarge, gr6.4xlarge would fit"
            ),
        ),
        (
            "gcp",
            "us-south1",
            "a3-ultragpu-8g",
            (
                "pool.instance_types: a3-ultragpu-8g is not to be had in us-south1; it is in us-central1, us-east4; in "
                "us-south1 g4-standard-48, g4-standard-96, g4-standard-192, g4-standard-384 would fit"
            ),
        ),
        (
            "gcp",
            "europe-west6",
            "a2-highgpu-1g",
            (
                "pool.instance_types: a2-highgpu-1g is not to be had in europe-west6; it is in europe-west4, "
                "asia-northeast1, asia-northeast3, asia-southeast1, me-west1, us-central1 and 4 more; in europe-west6 "
                "g2-standard-8, g2-standard-12, g2-standard-16, g2-standard-32 would fit"
            ),
        ),
    ],
    ids=["AWS", "AWS with a row", "Google", "Google without a price"],
)
def test_an_instance_that_its_region_lacks_is_refused_with_where_it_is_and_what_there_is(
    cloud: Cloud, region: str, name: str, problem: str
):
    assert refusal(demand(LLAMA_8B), cloud, region, instance_types=[name]) == problem


def test_an_instance_that_is_in_none_of_the_zones_is_refused_with_those_it_is_in():
    assert (
        refusal(
            demand(LLAMA_8B), "gcp", "us-east4", zones=["us-east4-a", "us-east4-b"], instance_types=["a2-ultragpu-1g"]
        )
        == "gcp.zones = us-east4-a, us-east4-b: has none with a2-ultragpu-1g, which is in us-east4-c"
    )


@pytest.mark.parametrize("pool", [{}, {"instance_types": ["g6.2xlarge"]}], ids=["chosen", "named"])
def test_a_region_without_gpus_is_refused_with_the_nearest_that_have_some(pool: dict[str, object]):
    problem = refusal(demand(LLAMA_8B), region="eu-west-11", **pool)
    assert problem.startswith(
        "aws.region = eu-west-11: has no instance with GPUs that is known (did you mean eu-west-1?); there are some in "
        "eu-central-1, eu-central-2, eu-north-1, eu-south-1, eu-south-2, eu-west-1 and 26 more; g6.2xlarge, "
        "g5.2xlarge, g6.4xlarge, gr6.4xlarge would fit, the cheapest first"
    )


@pytest.mark.parametrize("bought", [["spot"], ["flex-start", "spot"]])
def test_production_never_depends_on_what_the_cloud_takes_back(bought: list[str]):
    assert "add on-demand or reservation" in refusal(demand(LLAMA_8B), "gcp", replicas=2, capacity_types=bought)
    assert ladder(demand(LLAMA_8B), "gcp", replicas=1, capacity_types=bought).rungs
    assert ladder(demand(LLAMA_8B), "gcp", replicas=2, capacity_types=[*bought, "on-demand"]).rungs


def test_everything_wrong_is_reported_at_once():
    problems = refusal(
        demand(LLAMA_8B, lora_rank=1000),
        replicas=2,
        capacity_types=["spot"],
        tensor_parallel_size=3,
        instance_types=["g9.large"],
    )
    keys = [line.split(" ")[0].rstrip(":") for line in problems.splitlines()]
    assert keys == ["pool.capacity_types", "pool.tensor_parallel_size", "engine.lora_rank", "pool.instance_types"]


def test_a_machine_leaves_less_for_pods_than_it_has():
    for instance in gpu_catalog():
        assert 0.6 * instance.ram_gib - 2 < allocatable_gib(instance) < 0.93 * instance.ram_gib
