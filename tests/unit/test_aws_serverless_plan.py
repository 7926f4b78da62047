"""How large a function is made, and what no function can be: with the numbers, and everything at once."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.model_facts import QWEN_05B_GGUF

from moorage.aws import lambda_quotas
from moorage.aws.lambda_prices import break_even_requests_per_hour, usd_per_1000_requests, usd_per_provisioned_hour
from moorage.aws.serverless_plan import ServerlessDemand, ServerlessPlan, serverless_plan
from moorage.spec import Load, ModelFacts, ModelSpec, ServiceLevel, SpecError

GIB = 2**30
SMALL = QWEN_05B_GGUF.model_dump()


def demand(
    *, max_model_len: int = 4096, p99_seconds: float = 45, memory_mb: int | None = None, **facts: object
) -> ServerlessDemand:
    return ServerlessDemand(
        ModelSpec.model_validate({"source": "hf://harbour/harbour", "max_model_len": max_model_len}),
        ModelFacts.model_validate({**SMALL, **facts}),
        Load(),
        ServiceLevel(p99_request_seconds=p99_seconds),
        memory_mb,
    )


def problems(**changes: object) -> str:
    with pytest.raises(SpecError) as raised:
        serverless_plan(demand(**changes))  # pyright: ignore[reportArgumentType]
    return str(raised.value)


@given(
    weight_bytes=st.integers(1, 9 * GIB),
    p99_seconds=st.floats(1, 800),
    max_model_len=st.integers(1, 32_768),
)
def test_a_function_holds_its_model_and_is_within_every_limit_or_is_refused(
    weight_bytes: int, p99_seconds: float, max_model_len: int
):
    wanted = demand(weight_bytes=weight_bytes, p99_seconds=p99_seconds, max_model_len=max_model_len)
    try:
        plan = serverless_plan(wanted)
    except SpecError:
        return
    assert plan.need.total_gib * 1024 <= plan.memory_mb <= lambda_quotas.MOST_MEMORY_MB
    assert plan.cold_start.seconds + p99_seconds <= plan.timeout_seconds + 1 <= lambda_quotas.MOST_TIMEOUT_SECONDS + 1
    assert plan.cold_start.seconds <= lambda_quotas.MOST_IDLE_SECONDS
    assert plan.ephemeral_storage_mb >= lambda_quotas.LEAST_EPHEMERAL_STORAGE_MB


def planned(p99_seconds: float) -> ServerlessPlan:
    return serverless_plan(demand(p99_seconds=p99_seconds))


def test_who_promises_more_gets_more_vcpus():
    quick, slow = planned(10), planned(300)
    assert quick.vcpus > slow.vcpus
    assert quick.request_seconds < slow.request_seconds


def test_a_mean_request_takes_half_of_the_time_that_is_promised_where_vcpus_can_do_it():
    plan = planned(60)
    assert plan.request_seconds <= 30


def test_a_model_that_needs_more_than_a_function_has_is_refused_with_its_parts():
    said = problems(weight_bytes=9 * GIB, max_model_len=32_768, num_key_value_heads=14)
    assert "of memory (weights 9216, KV cache of 32768 tokens " in said
    assert "and a function has at most 10240" in said
    assert "lower model.max_model_len" in said


def test_the_context_alone_can_be_too_long():
    assert "KV cache of 131072 tokens" in problems(
        max_model_len=131_072, max_position_embeddings=131_072, num_key_value_heads=14
    )


def test_less_memory_than_the_model_needs_is_refused():
    assert "memory_mb = 900: the model needs" in problems(memory_mb=900)


def test_an_image_above_ten_gib_is_refused():
    assert "an image with it has 10.3 GiB and Lambda takes 10" in problems(weight_bytes=int(9.8 * GIB))


def test_an_answer_that_lambda_would_end_is_refused():
    assert "Lambda ends each after 900" in problems(p99_seconds=899)


def test_everything_wrong_is_said_at_once():
    said = problems(weight_bytes=12 * GIB, p99_seconds=899)
    assert {line.partition(" ")[0].rstrip(":") for line in said.splitlines()} == {
        "model",
        "facts.weight_bytes",
        "service_level.p99_request_seconds",
    }


def test_the_published_price_of_a_gb_and_a_second():
    """3 million requests of 120 ms on 1,536 MB: 540,000 GB-seconds, as aws.amazon.com/lambda/pricing has them."""
    without_requests = usd_per_1000_requests("x86_64", 1536, 0.12) - usd_per_1000_requests("x86_64", 1536, 0)
    assert without_requests * 3000 == pytest.approx(9.00, abs=0.01)


def test_arm_costs_a_fifth_less_and_what_is_kept_started_costs_by_the_hour():
    assert usd_per_1000_requests("arm64", 4096, 10) == pytest.approx(
        0.8 * usd_per_1000_requests("x86_64", 4096, 10), rel=0.01
    )
    assert usd_per_provisioned_hour("x86_64", 1024) == pytest.approx(0.015, rel=1e-4)


def test_from_the_break_even_on_what_is_always_on_is_cheaper():
    requests = break_even_requests_per_hour(1.0, 2.0)
    assert requests == 500
