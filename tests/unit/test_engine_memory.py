"""Memory: what weights, KV cache and the engine take, and what does not fit."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.model_facts import LLAMA_8B as LLAMA

from moorage.engine import (
    InsufficientMemoryError,
    Parallelism,
    check_fits,
    check_servable,
    host_need,
    kv_cache_bytes,
    kv_cache_bytes_per_token,
    memory_need,
)
from moorage.engine.memory import lora_bytes
from moorage.spec import Load, ModelFacts, SpecError, parse_load, parse_model

MODEL = parse_model({"source": "hf://meta-llama/Llama-3.1-8B", "max_model_len": 8192})


def test_a_token_of_llama_31_8b_takes_128_kib_of_kv_cache():
    assert kv_cache_bytes_per_token(MODEL, LLAMA) == 131_072


def test_a_token_in_32_bit_takes_twice_as_much():
    model = MODEL.model_copy(update={"dtype": "float32"})
    assert kv_cache_bytes_per_token(model, LLAMA) == 2 * 131_072


def test_llama_31_8b_in_16_bit_takes_15_gib_of_weights():
    need = memory_need(MODEL, LLAMA, Load(), device="gpu")
    assert need.weights_gib == pytest.approx(14.96 * 1.02, abs=0.01)
    assert need.total_gib == pytest.approx(need.weights_gib + need.kv_cache_gib + need.overhead_gib)


def test_weights_saved_in_32_bit_are_served_in_16():
    saved_in_32_bit = ModelFacts(**{**vars(LLAMA), "dtype": "F32", "weight_bytes": 2 * LLAMA.weight_bytes})
    wide, narrow = (memory_need(MODEL, facts, Load(), device="gpu") for facts in (saved_in_32_bit, LLAMA))
    assert wide.weights_gib == narrow.weights_gib


def test_quantized_weights_take_what_their_files_take():
    quantized = ModelFacts(**{**vars(LLAMA), "is_quantized": True, "weight_bytes": 5 * 2**30})
    assert memory_need(MODEL, quantized, Load(), device="gpu").weights_gib == pytest.approx(5 * 1.02)


loads = st.builds(
    lambda concurrent, prompt, output: parse_load(
        {"concurrent_requests": concurrent, "mean_prompt_tokens": prompt, "mean_output_tokens": output}
    ),
    st.integers(1, 512),
    st.integers(1, 4000),
    st.integers(1, 4000),
)


@given(load=loads, device=st.sampled_from(["cpu", "gpu"]))
def test_the_kv_cache_holds_the_expected_requests_and_one_as_long_as_the_context(load: Load, device: str):
    tokens = kv_cache_bytes(MODEL, LLAMA, load, device=device) / kv_cache_bytes_per_token(MODEL, LLAMA)
    assert tokens > load.concurrent_requests * load.mean_request_tokens
    assert tokens > 8192


@given(load=loads)
def test_more_requests_never_need_less(load: Load):
    more = load.model_copy(update={"concurrent_requests": load.concurrent_requests + 1})
    assert kv_cache_bytes(MODEL, LLAMA, more, device="gpu") >= kv_cache_bytes(MODEL, LLAMA, load, device="gpu")


def test_what_does_not_fit_is_refused_with_the_numbers():
    need = memory_need(MODEL, LLAMA, Load(), device="gpu")
    check_fits(need, need.total_gib)
    with pytest.raises(InsufficientMemoryError, match=r"needs \d+\.\d GiB .* and 16\.0 GiB are available; lower model"):
        check_fits(need, 16.0)


def test_a_context_longer_than_the_models_is_refused():
    model = parse_model({"source": "hf://a/b", "max_model_len": 200_000})
    with pytest.raises(SpecError, match=r"^model.max_model_len = 200000: the model reaches 131072 tokens at most$"):
        check_servable(model, LLAMA, Load(), device="gpu")


def test_requests_longer_than_the_context_are_refused():
    load = parse_load({"max_prompt_tokens": 8000, "max_output_tokens": 500})
    with pytest.raises(SpecError, match=r"make 8500 tokens: the context has 8192"):
        check_servable(MODEL, LLAMA, load, device="gpu")


def test_a_head_size_without_a_cpu_kernel_is_refused_on_the_cpu_only():
    odd = ModelFacts(**{**vars(LLAMA), "head_dim": 48})
    check_servable(MODEL, odd, Load(), device="gpu")
    with pytest.raises(SpecError, match=r"attention heads of 48; on the CPU vLLM serves 32, 64"):
        check_servable(MODEL, odd, Load(), device="cpu")


def test_an_adapter_of_rank_16_for_llama_31_8b_takes_80_mb():
    """41.9 million elements in its seven linear layers, as PEFT counts them."""
    assert lora_bytes(MODEL, LLAMA, 16) == pytest.approx(2 * 41_943_040, rel=0.01)
    assert lora_bytes(MODEL, LLAMA, None) == lora_bytes(MODEL, LLAMA, 16) == lora_bytes(MODEL, LLAMA, 9)


def test_two_gpus_hold_half_the_weights_and_half_the_kv_heads_each():
    whole, half = (memory_need(MODEL, LLAMA, Load(), device="gpu", parallelism=Parallelism(size)) for size in (1, 2))
    assert half.weights_gib == pytest.approx(whole.weights_gib / 2)
    assert half.kv_cache_gib == pytest.approx(whole.kv_cache_gib / 2)
    assert half.overhead_gib > whole.overhead_gib


def test_more_gpus_than_kv_heads_hold_copies_of_them():
    eight, sixteen = (
        memory_need(MODEL, LLAMA, Load(concurrent_requests=64), device="gpu", parallelism=Parallelism(size))
        for size in (8, 16)
    )
    assert sixteen.kv_cache_gib == eight.kv_cache_gib
    assert sixteen.weights_gib == eight.weights_gib / 2


def test_the_node_with_the_most_layers_decides():
    whole, third = (
        memory_need(MODEL, LLAMA, Load(), device="gpu", parallelism=Parallelism(1, nodes)) for nodes in (1, 3)
    )
    assert third.weights_gib == pytest.approx(whole.weights_gib * 11 / 32)


@pytest.mark.parametrize(("size", "memory_gib", "shared_gib"), [(1, 15, 2), (2, 38, 20), (8, 68, 20)])
def test_beside_the_gpus_an_engine_needs_memory_for_loading_and_sharing(size: int, memory_gib: int, shared_gib: int):
    need = host_need(Parallelism(size))
    assert (need.cpus, need.memory_gib, need.shared_memory_gib) == (2 + size, memory_gib, shared_gib)
