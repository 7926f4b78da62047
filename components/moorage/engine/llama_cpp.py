"""What llama.cpp's server needs with one GGUF file on CPUs, answering one request at a time, and how fast it is."""

from collections.abc import Mapping
from dataclasses import dataclass

from moorage.engine.memory import GIB, MemoryNeed, context_tokens, kv_cache_bytes_per_token
from moorage.spec import Load, ModelFacts, ModelSpec

_OVERHEAD_GIB = 0.75


@dataclass(frozen=True)
class ColdStart:
    """Until a request that found nothing started is handed to the engine."""

    phases: Mapping[str, float]
    """In seconds, in their order."""

    @property
    def seconds(self) -> float:
        return sum(self.phases.values())


def llama_cpp_memory_need(model: ModelSpec, facts: ModelFacts) -> MemoryNeed:
    """The file as it is, a KV cache of the whole context in 16 bit, and what engine and gateway take besides."""
    kv_cache = context_tokens(model, facts) * kv_cache_bytes_per_token(model, facts)
    return MemoryNeed(facts.weight_bytes / GIB, kv_cache / GIB, _OVERHEAD_GIB)


def llama_cpp_cold_start(facts: ModelFacts) -> ColdStart:
    return ColdStart({"environment": 1.0, "gateway": 2.0, "engine": 1.0 + facts.weight_bytes / 100e6})


def llama_cpp_vcpu_seconds(facts: ModelFacts, load: Load) -> float:
    """Of a mean request."""
    prompt = 2 * facts.parameter_count * load.mean_prompt_tokens / 25e9
    return prompt + facts.weight_bytes * load.mean_output_tokens / 2.3e9
