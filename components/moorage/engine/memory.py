"""How much memory an engine needs."""

from dataclasses import dataclass

from moorage.engine.device import Device
from moorage.spec import Load, ModelFacts, ModelSpec

GIB = 2**30

_BYTES_PER_ELEMENT = {"float32": 4, "bfloat16": 2, "float16": 2}

_WEIGHTS_FACTOR = 1.02
_OVERHEAD_GIB: dict[Device, float] = {"gpu": 1.7 + 0.6, "cpu": 2.5}

# A small model's cache costs next to nothing beside the engine, and must not be what limits it.
_LEAST_KV_CACHE_BYTES = 64 * 2**20

# vLLM hands KV cache out in blocks: 16 tokens on a GPU, 128 on the CPU (vllm/config/cache.py, vllm/platforms/cpu.py).
_BLOCK_TOKENS: dict[Device, int] = {"gpu": 16, "cpu": 128}


class InsufficientMemoryError(ValueError):
    """The model, with the load it is to carry, does not fit."""


@dataclass(frozen=True)
class MemoryNeed:
    """In GiB, on one device."""

    weights_gib: float
    kv_cache_gib: float
    overhead_gib: float

    @property
    def total_gib(self) -> float:
        return self.weights_gib + self.kv_cache_gib + self.overhead_gib


def memory_need(model: ModelSpec, facts: ModelFacts, load: Load, *, device: Device) -> MemoryNeed:
    """Weights, KV cache for the load, and what the engine itself takes.

    Weights: the parameters in the precision they are served in, or the files' size where they are quantized, and 2 %
    for the allocator.  Overhead on a GPU: 1.7 GiB of activations and 0.6 GiB outside torch, both KAITO's upper
    bounds (github.com/kaito-project/kaito, presets/workspace/generator/model-sku-calculation.md, read 2026-08-21).
    Overhead on the CPU: three processes that import torch took 2.1 GiB, shared pages counted once (vLLM 0.32.0,
    measured 2026-11-23), rounded up.
    """
    return MemoryNeed(
        weights_gib=_weight_bytes(model, facts) * _WEIGHTS_FACTOR / GIB,
        kv_cache_gib=kv_cache_bytes(model, facts, load, device=device) / GIB,
        overhead_gib=_OVERHEAD_GIB[device],
    )


def kv_cache_bytes_per_token(model: ModelSpec, facts: ModelFacts) -> int:
    """2 (key and value) x layers x KV heads x head_dim x bytes, for full attention and a cache in the model's own type.

    Llama-3.1-8B in 16 bit: 131,072 bytes.  Models with latent or sliding-window attention need less.
    """
    elements = 2 * facts.num_hidden_layers * facts.num_key_value_heads * facts.head_dim
    return elements * _BYTES_PER_ELEMENT[_served_dtype(model)]


def kv_cache_bytes(model: ModelSpec, facts: ModelFacts, load: Load, *, device: Device) -> int:
    """The KV cache that holds the expected requests at once, each rounded up to whole blocks.

    At least one request as long as the context, without which vLLM refuses to start, and one more block, which vLLM
    keeps for itself (vllm/v1/core/block_pool.py, null_block).  Never below 64 MiB.
    """
    block = _BLOCK_TOKENS[device]
    context_blocks = -(-context_tokens(model, facts) // block)
    mean_blocks = min(-(-load.mean_request_tokens // block), context_blocks)
    blocks = max(load.concurrent_requests * mean_blocks, context_blocks) + 1
    return max(blocks * block * kv_cache_bytes_per_token(model, facts), _LEAST_KV_CACHE_BYTES)


def context_tokens(model: ModelSpec, facts: ModelFacts) -> int:
    """The longest request, prompt and answer together."""
    return model.max_model_len or facts.max_position_embeddings


def check_fits(need: MemoryNeed, available_gib: float) -> None:
    """Raises `InsufficientMemoryError`, with the numbers and what helps, where the need is above what is available."""
    if need.total_gib > available_gib:
        raise InsufficientMemoryError(
            f"the model needs {need.total_gib:.1f} GiB of memory (weights {need.weights_gib:.1f}, KV cache "
            f"{need.kv_cache_gib:.1f}, engine {need.overhead_gib:.1f}) and {available_gib:.1f} GiB are available; "
            "lower model.max_model_len or load.concurrent_requests, take a quantized model or one with fewer "
            "parameters, or more memory"
        )


def _weight_bytes(model: ModelSpec, facts: ModelFacts) -> int:
    if facts.is_quantized or model.quantization is not None:
        return facts.weight_bytes
    return facts.parameter_count * _BYTES_PER_ELEMENT[_served_dtype(model)]


def _served_dtype(model: ModelSpec) -> str:
    """`auto` serves 32-bit weights in 16 bit as well (vllm/config/model.py, _resolve_auto_dtype, vLLM 0.32.0)."""
    return "bfloat16" if model.dtype == "auto" else model.dtype
