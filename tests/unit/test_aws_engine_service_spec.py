"""An engine on ECS is sized, stopped and replaced as it has to be, or refused with the numbers."""

import base64
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.contract.aws_example_values import EIGHT_BILLION_FACTS, SMALL_FACTS

from moorage.aws.compute_quotas import G_ON_DEMAND, G_SPOT, P5_SPOT, P_ON_DEMAND, P_SPOT, ComputeQuota, quota_of
from moorage.aws.deployment_percents import deployment_percents
from moorage.aws.ecs_gpu_pool_spec import EcsGpuPoolSpec, user_data
from moorage.aws.engine_service_spec import EcsVllmSpec, FargateVllmSpec, demand_per_engine
from moorage.aws.fargate_prices import usd_per_hour
from moorage.aws.fargate_size import FargateSize
from moorage.spec import SpecError
from moorage.spec.parsing import parse

IMAGE = f"vllm@sha256:{'0123456789abcdef' * 4}"
SMALL = {**SMALL_FACTS, "weight_bytes": 988_097_824, "is_quantized": False}
COMMON = {
    "region": "eu-central-1",
    "image": IMAGE,
    "model": {"source": "s3://models/harbour", "max_model_len": 4096},
    "revision": "r1",
}


def on_gpus(**keys: object) -> EcsVllmSpec:
    spec = parse(EcsVllmSpec, {**COMMON, **keys}, "")
    spec.check()
    return spec


def on_fargate(**keys: object) -> FargateVllmSpec:
    spec = parse(FargateVllmSpec, {**COMMON, "facts": SMALL, **keys}, "")
    spec.check()
    return spec


def problems(make: object, **keys: object) -> list[str]:
    with pytest.raises(SpecError) as raised:
        make(**keys)  # type: ignore[operator]
    return str(raised.value).splitlines()


@given(replicas=st.integers(1, 8), surge=st.integers(0, 3), more=st.integers(0, 7))
def test_a_deployment_gets_on_and_never_stops_more_than_it_may(replicas: int, surge: int, more: int):
    """As ECS rounds, with as many engines as are wanted or more."""
    wanted = replicas + more
    percents = deployment_percents(replicas, surge)
    least = math.ceil(wanted * percents.minimum_healthy / 100)
    most = math.floor(wanted * percents.maximum / 100)
    if surge:
        assert least == wanted
        assert most >= wanted + surge
    else:
        assert most == wanted
        assert least < wanted
    if not more:
        assert (least, most) == ((wanted, wanted + surge) if surge else (wanted - 1, wanted))


def test_an_instance_gives_an_engine_as_long_as_it_needs_and_spot_two_minutes():
    slow = {"service_level": {"p99_request_seconds": 600.0}}
    assert on_gpus(**slow).drain.grace_seconds == 15 + 600 + 15
    assert on_gpus(**slow, has_spot=True).drain.grace_seconds == 120
    assert on_gpus(has_spot=True).drain == on_gpus().drain


def test_an_engine_on_an_instance_has_a_limit_of_memory_and_needs_less_free():
    one = on_gpus().container("log", {}).document()
    assert (one["memory"], one["memoryReservation"]) == (15 * 1024, 13 * 1024)
    assert one["linuxParameters"]["sharedMemorySize"] == 2 * 1024
    assert "memory" not in on_fargate().container("log", {}).document()


def test_an_engine_that_fargate_would_kill_is_refused():
    (problem,) = problems(on_fargate, service_level={"p99_request_seconds": 120.0})
    assert problem == (
        "service_level.p99_request_seconds = 120: an engine that is stopped would need 150 seconds, and Fargate kills "
        "it after 120; must be at most 90, or the platform ecs"
    )


def test_a_task_on_fargate_has_the_memory_that_its_model_needs():
    spec = on_fargate(cpu=2.0)
    assert spec.size.cpu_units == 2048
    assert spec.memory_gib * 1024 <= spec.size.memory_mib < (spec.memory_gib + 1) * 1024
    # A bucket's weights pass through a buffer that the Hub's do not need.
    assert on_fargate(model={"source": "hf://a/b", "max_model_len": 4096}).memory_gib <= spec.memory_gib


def test_a_model_that_fargate_cannot_hold_is_refused_with_the_numbers():
    large = {**EIGHT_BILLION_FACTS, "parameter_count": 70_000_000_000, "weight_bytes": 140_000_000_000}
    (problem,) = problems(on_fargate, facts=large)
    assert problem.startswith("model.source: the model needs 140.")
    assert "a task on Fargate has at most 120, and no GPU" in problem
    assert problem.endswith("take a smaller model, or the platform ecs")


def test_a_hubs_model_has_a_disk_that_holds_it():
    of_hub = {"model": {"source": "hf://meta/llama", "max_model_len": 4096}, "facts": EIGHT_BILLION_FACTS}
    assert on_fargate(**of_hub).storage_gib == 15 + 20
    assert on_fargate(facts=EIGHT_BILLION_FACTS).storage_gib == 21


def test_vcpus_that_fargate_does_not_sell_are_refused():
    assert problems(on_fargate, cpu=3.0) == ["cpu = 3.0: must be one of 0.5, 1, 2, 4, 8, 16 vCPUs"]


def test_a_model_that_the_gpus_do_not_hold_is_refused():
    (problem,) = problems(on_gpus, facts=EIGHT_BILLION_FACTS, gpu_memory_gib=15.0)
    assert "each of 1 GPUs has 13.8 GiB for vLLM" in problem
    on_gpus(facts=EIGHT_BILLION_FACTS, gpu_memory_gib=15.0, tensor_parallel_size=2)


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("gs://models/harbour", "a task has no identity of Google Cloud; must be hf:// or s3://"),
        ("models/harbour", "a task has no such folder"),
    ],
)
def test_a_model_that_a_task_cannot_get_is_refused(source: str, reason: str):
    (problem,) = problems(on_gpus, model={"source": source, "max_model_len": 4096})
    assert reason in problem


@pytest.mark.parametrize(
    "repository", ["public.ecr.aws/q9t5s3a7/vllm-cpu-release-repo", "vllm/vllm-openai-cpu:v0.32.0"]
)
def test_weights_that_the_image_cannot_stream_are_refused(repository: str):
    """vLLM's own for CPUs has no streamer for S3; the engine would never become healthy."""
    image = f"{repository}@sha256:{'0123456789abcdef' * 4}"
    (problem,) = problems(on_fargate, image=image)
    assert problem == (
        f"image = {image}: vLLM's own image for CPUs has no streamer that reads s3://models/harbour; must be one with "
        "vllm[runai], or model.source hf://"
    )
    on_fargate(image=image, model={"source": "hf://a/b", "max_model_len": 4096}).check()


def test_both_sdks_that_read_a_bucket_know_its_region():
    """A bucket outside of AWS's common partition has no address without one."""
    environment = on_gpus().container("log", {}).environment
    assert environment["AWS_DEFAULT_REGION"] == environment["AWS_REGION"] == "eu-central-1"


def test_an_adapter_in_a_bucket_is_refused():
    model = {"source": "s3://models/harbour", "lora_adapters": {"pilots": "s3://models/pilots"}}
    (problem,) = problems(on_gpus, model=model)
    assert problem.startswith("model.lora_adapters.pilots = s3://models/pilots: vLLM reads no adapter from a bucket")


def test_the_only_engine_is_not_stopped_first_unless_somebody_says_so():
    assert "max_surge = 0: the one engine is stopped before" in problems(on_gpus, max_surge=0)[0]
    assert on_gpus(max_surge=0, allow_downtime=True).deployment_percents == (0, 100)
    assert on_gpus(max_surge=0, min_replicas=2).deployment_percents == (50, 100)


def test_more_engines_than_a_name_has_addresses_are_refused():
    assert "8" in problems(on_gpus, min_replicas=9)[0]
    assert problems(on_gpus, max_replicas=9, metrics_stack="a")[0].startswith("max_replicas = 9")


def test_engines_that_scale_need_what_they_scale_by():
    assert "metrics_stack" in problems(on_gpus, max_replicas=2)[0]
    assert problems(on_gpus, min_replicas=3, max_replicas=2, metrics_stack="a")[0] == (
        "max_replicas = 2: must be at least min_replicas = 3"
    )


def test_half_of_what_an_engine_computes_at_once_asks_for_another():
    assert [demand_per_engine(count) for count in (256, 9, 1)] == [128, 4, 1]


def pool(*rungs: tuple[str, str], **keys: object) -> EcsGpuPoolSpec:
    given = {
        "name": "gpu",
        "region": "eu-central-1",
        "rungs": [{"instance_type": kind, "capacity_type": capacity} for kind, capacity in rungs],
        "min_replicas": 3,
        "max_instances": 6,
    }
    return parse(EcsGpuPoolSpec, {**given, **keys}, "")


def test_half_of_the_fewest_engines_are_on_demand_beside_spot():
    both = pool(("g6.xlarge", "spot"), ("g6.xlarge", "on-demand"))
    assert (both.on_demand_base, both.on_demand_percentage_above_base) == (2, 0)
    alone = pool(("g6.xlarge", "on-demand"))
    assert (alone.on_demand_base, alone.on_demand_percentage_above_base) == (0, 100)


def test_the_preferred_type_comes_first_and_each_once():
    kinds = pool(("g6.2xlarge", "spot"), ("g6.xlarge", "spot"), ("g6.xlarge", "on-demand"), ("g6.2xlarge", "on-demand"))
    assert kinds.instance_types == ("g6.2xlarge", "g6.xlarge")


def test_a_ladder_that_one_group_cannot_launch_is_refused():
    assert "in every capacity type" in problems(pool_of_two)[0]
    assert "must not begin with aws, ecs, fargate" in problems(lambda: pool(("g6.xlarge", "spot"), name="ecs-gpu"))[0]


def pool_of_two() -> EcsGpuPoolSpec:
    return pool(("g6.xlarge", "spot"), ("g6.2xlarge", "on-demand"))


def test_an_instance_joins_its_cluster_and_keeps_its_role_from_tasks():
    script = instance_script()
    assert script.startswith("#!/bin/bash\n")
    assert "\nECS_CLUSTER=harbour-1a2b3c4\n" in script
    assert "\nECS_AWSVPC_BLOCK_IMDS=true\n" in script


def test_an_instance_forgets_the_weights_of_a_task_that_has_ended_before_its_successor_has_loaded_its_own():
    assert "\nECS_ENGINE_TASK_CLEANUP_WAIT_DURATION=1m\n" in instance_script()


def instance_script() -> str:
    return base64.b64decode(user_data("harbour-1a2b3c4", has_spot=False)).decode()


@pytest.mark.parametrize(
    ("instance_type", "is_spot", "quota"),
    [
        ("g6.xlarge", False, G_ON_DEMAND),
        ("g6.xlarge", True, G_SPOT),
        ("p5.48xlarge", False, P_ON_DEMAND),
        ("p5.48xlarge", True, P5_SPOT),
        ("p4d.24xlarge", True, P_SPOT),
    ],
)
def test_every_instance_counts_against_its_own_quota(instance_type: str, is_spot: bool, quota: ComputeQuota):
    assert quota_of(instance_type, is_spot=is_spot) == quota


def test_a_task_costs_its_vcpus_its_memory_and_what_is_not_free_of_its_disk():
    assert usd_per_hour(FargateSize(1024, 2048), 20, "x86_64") == pytest.approx(0.04048 + 2 * 0.004445)
    assert usd_per_hour(FargateSize(1024, 2048), 120, "x86_64") == pytest.approx(0.04937 + 0.0111)
    assert usd_per_hour(FargateSize(4096, 8192), 20, "arm64") < 0.81 * usd_per_hour(
        FargateSize(4096, 8192), 20, "x86_64"
    )
