"""What llama.cpp needs: the KV cache as it was measured, and estimates that grow with what they are of."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.model_facts import QWEN_05B_GGUF

from moorage.engine.llama_cpp import (
    VcpuSeconds,
    llama_cpp_cold_start,
    llama_cpp_environment,
    llama_cpp_memory_need,
    llama_cpp_vcpu_seconds,
)
from moorage.spec import Load, ModelFacts, ModelSpec

MIB_PER_GIB = 1024


def facts(weight_bytes: int = 349_302_816) -> ModelFacts:
    """Of the model that was measured, in the shape of Qwen2.5-0.5B."""
    return QWEN_05B_GGUF.model_copy(update={"weight_bytes": weight_bytes})


def model(max_model_len: int | None) -> ModelSpec:
    return ModelSpec.model_validate({"source": "hf://harbour/harbour", "max_model_len": max_model_len})


def work_of(of: ModelFacts, **load: int) -> VcpuSeconds:
    return llama_cpp_vcpu_seconds(model(4096), of, Load.model_validate(load))


@pytest.mark.parametrize(("tokens", "mib"), [(4096, 48), (32_768, 384)])
def test_the_kv_cache_is_what_was_measured(tokens: int, mib: int):
    assert llama_cpp_memory_need(model(tokens), facts()).kv_cache_gib * MIB_PER_GIB == mib


def test_without_a_length_of_ones_own_the_context_is_the_models():
    assert llama_cpp_memory_need(model(None), facts()) == llama_cpp_memory_need(model(32_768), facts())


def test_it_holds_what_was_measured():
    """655 MiB with a KV cache of 4,096 tokens, without gateway and adapter."""
    assert llama_cpp_memory_need(model(4096), facts()).total_gib * MIB_PER_GIB > 655


@given(weight_bytes=st.integers(1, 10**11), more=st.integers(0, 10**11))
def test_a_larger_file_takes_more_of_everything(weight_bytes: int, more: int):
    small, large = facts(weight_bytes), facts(weight_bytes + more)
    assert llama_cpp_memory_need(model(1), small).total_gib <= llama_cpp_memory_need(model(1), large).total_gib
    assert llama_cpp_cold_start(small).seconds <= llama_cpp_cold_start(large).seconds
    assert work_of(small).request <= work_of(large).request


def test_it_is_not_thought_to_be_faster_than_it_was_here():
    """One thread did a prompt of 300 tokens in 2.6 s and an answer of 100 in 2.5."""
    work = work_of(facts(), mean_prompt_tokens=300, mean_output_tokens=100)
    assert work.prompt > 2.6
    assert work.answer > 2.5
    assert work.request == work.prompt + work.answer


def test_a_cold_start_has_its_phases_in_order():
    start = llama_cpp_cold_start(facts())
    assert list(start.phases) == ["environment", "gateway", "engine"]
    assert start.seconds == sum(start.phases.values())


def test_the_longest_prompt_fills_the_context_unless_the_load_says_otherwise():
    assert work_of(facts()).longest_prompt == 8 * work_of(facts(), max_prompt_tokens=512).longest_prompt


def test_the_server_is_told_the_context_that_the_memory_was_counted_for():
    environment = llama_cpp_environment(model(4096), facts(), 1.1)
    assert environment["LLAMA_ARG_CTX_SIZE"] == "4096"
    assert environment["LLAMA_ARG_N_PARALLEL"] == "1"
    assert environment["LLAMA_ARG_ALIAS"] == "harbour"


@pytest.mark.parametrize(("vcpus", "threads"), [(0.1, "1"), (1.1, "1"), (1.9, "2"), (5.79, "6")])
def test_there_is_a_thread_for_each_vcpu(vcpus: float, threads: str):
    assert llama_cpp_environment(model(1), facts(), vcpus)["LLAMA_ARG_THREADS"] == threads
