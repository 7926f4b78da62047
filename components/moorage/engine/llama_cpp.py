"""What llama.cpp's server needs with one GGUF file on CPUs, answering one request at a time, and how fast it is.

Measured on 2026-11-25 with xllamacpp 2026.10.11549, in which llama.cpp is, on one and two threads of an AMD EPYC, with
random weights in the shape of Qwen2.5-0.5B (Q4_0, 349 MB, and Q8_0, 528 MB), prompts of 300 tokens and answers of 100.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from moorage.engine.memory import GIB, MemoryNeed, context_tokens, kv_cache_bytes_per_token
from moorage.spec import Load, ModelFacts, ModelSpec

_HOST, _PORT = "127.0.0.1", 8081
ENGINE_ADDRESS = f"http://{_HOST}:{_PORT}"
"""Where it listens, for the gateway in the same environment."""

_OVERHEAD_GIB = 0.75
"""The engine's buffers took 75 MiB; the gateway holds 104 MB with many streams (docs/benchmarks.md, 2026-11-23); the
rest is for the adapter, the system and requests' bodies."""

# A third of what was measured for one thread, 14 GB/s and 115 GFLOP/s: a vCPU of Lambda is half of a core on x86_64
# and an older core on arm64. It was not measured there.
_WEIGHT_BYTES_PER_VCPU_SECOND = 4.5e9
_FLOPS_PER_VCPU_SECOND = 38e9
_FLOPS_PER_PARAMETER_AND_TOKEN = 2

_ENVIRONMENT_SECONDS = 1.0
"""Assumed: until Lambda has a machine with the image's first pages."""
_GATEWAY_SECONDS = 1.5
"""Its imports take 0.65 s here."""
_ENGINE_SECONDS = 1.5
"""With a file in the page cache it took 0.9 s here."""
_READ_BYTES_PER_SECOND = 100e6
"""Assumed: Lambda fetches an image's pages when they are read for the first time."""


@dataclass(frozen=True)
class ColdStart:
    """Until a request that found nothing started is handed to the engine; an estimate."""

    phases: Mapping[str, float]
    """In seconds, in their order."""

    @property
    def seconds(self) -> float:
        return sum(self.phases.values())


@dataclass(frozen=True)
class VcpuSeconds:
    """How long one vCPU works; an estimate, in which several share the work evenly."""

    prompt: float
    """Of a mean prompt."""
    longest_prompt: float
    """Of the longest, before whose end an answer has no byte."""
    token: float
    """For each token of an answer."""
    answer: float
    """Of a mean answer."""

    @property
    def request(self) -> float:
        return self.prompt + self.answer


def llama_cpp_memory_need(model: ModelSpec, facts: ModelFacts) -> MemoryNeed:
    """The file, a KV cache of the whole context in 16 bit, and what engine and gateway take besides.

    Measured: a KV cache of 4,096 tokens took 48 MiB and one of 32,768 took 384, as the formula has it. Weights in four
    bits are copied into the processor's own order; what of the file is in memory a second time then can be dropped.
    """
    kv_cache = context_tokens(model, facts) * kv_cache_bytes_per_token(model, facts)
    return MemoryNeed(facts.weight_bytes / GIB, kv_cache / GIB, _OVERHEAD_GIB)


def llama_cpp_environment(model: ModelSpec, facts: ModelFacts, vcpus: float) -> dict[str, str]:
    """What llama.cpp's server reads of itself; where the file is, the image says.

    The names are those of github.com/ggml-org/llama.cpp, tools/server/README.md, and in xllamacpp's library (read
    2026-11-25). With more threads than vCPUs some would wait for others, which spin.
    """
    return {
        "LLAMA_ARG_ALIAS": model.served_name,
        "LLAMA_ARG_CTX_SIZE": str(context_tokens(model, facts)),
        "LLAMA_ARG_HOST": _HOST,
        "LLAMA_ARG_N_PARALLEL": "1",
        "LLAMA_ARG_PORT": str(_PORT),
        "LLAMA_ARG_THREADS": str(max(1, round(vcpus))),
    }


def llama_cpp_cold_start(facts: ModelFacts) -> ColdStart:
    """Of one environment of Lambda; gateway and engine start one after the other at worst."""
    reading = facts.weight_bytes / _READ_BYTES_PER_SECOND
    return ColdStart(
        {"environment": _ENVIRONMENT_SECONDS, "gateway": _GATEWAY_SECONDS, "engine": _ENGINE_SECONDS + reading}
    )


def llama_cpp_vcpu_seconds(model: ModelSpec, facts: ModelFacts, load: Load) -> VcpuSeconds:
    """A prompt is bound by arithmetic, an answer by reading all weights for each token."""
    prompt_token = _FLOPS_PER_PARAMETER_AND_TOKEN * facts.parameter_count / _FLOPS_PER_VCPU_SECOND
    token = facts.weight_bytes / _WEIGHT_BYTES_PER_VCPU_SECOND
    return VcpuSeconds(
        prompt=prompt_token * load.mean_prompt_tokens,
        longest_prompt=prompt_token * (load.max_prompt_tokens or context_tokens(model, facts)),
        token=token,
        answer=token * load.mean_output_tokens,
    )
