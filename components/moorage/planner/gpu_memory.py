"""Whether a model fits a GPU, and if not, what is too much by how much."""

import math
from dataclasses import dataclass

from moorage.engine.memory import (
    BLOCK_TOKENS,
    GIB,
    GPU_MEMORY_UTILIZATION,
    LEAST_KV_CACHE_BYTES,
    MemoryNeed,
    context_tokens,
    kv_cache_bytes_per_token,
    memory_need,
)
from moorage.engine.parallelism import Parallelism
from moorage.spec import Load, ModelFacts, ModelSpec, Problem

_BLOCK = BLOCK_TOKENS["gpu"]


@dataclass(frozen=True)
class Demand:
    """What has to fit: the model with its adapters, and the load of one replica."""

    model: ModelSpec
    facts: ModelFacts
    load: Load
    lora_rank: int | None = None
    """The highest among the adapters. Default: vLLM's own, 16."""

    def need(self, parallelism: Parallelism) -> MemoryNeed:
        """On each GPU."""
        return memory_need(
            self.model, self.facts, self.load, device="gpu", parallelism=parallelism, lora_rank=self.lora_rank
        )


def available_gib(usable_gib: float) -> float:
    """What vLLM takes of a GPU on which torch sees so much."""
    return usable_gib * GPU_MEMORY_UTILIZATION


def fits(demand: Demand, parallelism: Parallelism, usable_gib: float) -> bool:
    return demand.need(parallelism).total_gib <= available_gib(usable_gib)


def kv_cache_tokens(demand: Demand, parallelism: Parallelism, usable_gib: float) -> int:
    """How many tokens the rest of the GPU holds, in whole blocks, without the one that vLLM keeps."""
    need = demand.need(parallelism)
    rest = (available_gib(usable_gib) - need.weights_gib - need.overhead_gib) * GIB
    if rest < LEAST_KV_CACHE_BYTES:
        return 0
    block_bytes = (
        _BLOCK * kv_cache_bytes_per_token(demand.model, demand.facts) * parallelism.share_of_kv_cache(demand.facts)
    )
    return max(math.floor(rest / block_bytes) - 1, 0) * _BLOCK


def shortage(demand: Demand, parallelism: Parallelism, usable_gib: float, gpus: str) -> Problem | None:
    """What does not fit: the weights, one request as long as the context, or all requests at once.

    Args:
        gpus: how to call the GPUs in the message, such as "4 x L4".
    """
    if fits(demand, parallelism, usable_gib):
        return None
    need = demand.need(parallelism)
    numbers = (
        f"each of {gpus} has {available_gib(usable_gib):.1f} GiB for vLLM ({usable_gib:.1f} x {GPU_MEMORY_UTILIZATION})"
        f" and would need {need.total_gib:.1f} (weights {need.weights_gib:.1f}, KV cache {need.kv_cache_gib:.1f}, "
        f"engine {need.overhead_gib:.1f})"
    )
    tokens = kv_cache_tokens(demand, parallelism, usable_gib)
    context = context_tokens(demand.model, demand.facts)
    if tokens == 0:
        hint = "take a quantized model, one with fewer parameters, or more or larger GPUs"
        return Problem("model.source", f": does not fit: {numbers}; {hint}")
    if context > tokens:
        return Problem("model.max_model_len", f" = {context}: must be at most {tokens}: {numbers}")
    requests = tokens // _in_blocks(min(demand.load.mean_request_tokens, context))
    asked = f" = {demand.load.concurrent_requests}: must be at most {requests}"
    return Problem("load.concurrent_requests", f"{asked}, of {demand.load.mean_request_tokens} tokens each: {numbers}")


def _in_blocks(tokens: int) -> int:
    return -(-tokens // _BLOCK) * _BLOCK
