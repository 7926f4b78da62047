"""How much memory an engine needs."""

import math
from dataclasses import dataclass

from moorage.engine.device import Device
from moorage.engine.lora import DEFAULT_LORA_RANK, allowed_lora_rank
from moorage.engine.parallelism import ONE_DEVICE, Parallelism
from moorage.spec import Load, ModelFacts, ModelSpec

GIB = 2**30

_BYTES_PER_ELEMENT = {"float32": 4, "bfloat16": 2, "float16": 2}

GPU_MEMORY_UTILIZATION = 0.92
"""The share of a GPU that vLLM takes by itself (vllm/config/cache.py, `gpu_memory_utilization`, vLLM 0.32.0)."""

_WEIGHTS_FACTOR = 1.02
_OVERHEAD_GIB: dict[Device, float] = {"gpu": 1.7 + 0.6, "cpu": 2.5}

# NCCL's buffers for 2 GPUs, and for 4 and 8 (github.com/ai-dynamo/aiconfigurator, its systems' `nccl_mem`, 2026-08).
_NCCL_GIB = {1: 0.0, 2: 342 / 1024}
_NCCL_GIB_FROM_THREE = 392 / 1024

# A small model's cache costs next to nothing beside the engine, and must not be what limits it.
LEAST_KV_CACHE_BYTES = 64 * 2**20

# vLLM hands KV cache out in blocks: 16 tokens on a GPU, 128 on the CPU (vllm/config/cache.py, vllm/platforms/cpu.py).
BLOCK_TOKENS: dict[Device, int] = {"gpu": 16, "cpu": 128}


class InsufficientMemoryError(ValueError):
    """The model, with the load it is to carry, does not fit."""


@dataclass(frozen=True)
class MemoryNeed:
    """In GiB, on one device."""

    weights_gib: float
    """With the adapters."""
    kv_cache_gib: float
    overhead_gib: float

    @property
    def total_gib(self) -> float:
        return self.weights_gib + self.kv_cache_gib + self.overhead_gib


def memory_need(
    model: ModelSpec,
    facts: ModelFacts,
    load: Load,
    *,
    device: Device,
    parallelism: Parallelism = ONE_DEVICE,
    lora_rank: int | None = None,
) -> MemoryNeed:
    """Weights, KV cache for the load, and what the engine itself takes, on each device that the model is split over.

    Weights: the parameters in the precision they are served in, or the files' size where they are quantized, and 2 %
    for the allocator.  Overhead on a GPU: 1.7 GiB of activations and 0.6 GiB outside torch, both KAITO's upper
    bounds (github.com/kaito-project/kaito, presets/workspace/generator/model-sku-calculation.md, read 2026-08-21),
    and NCCL's buffers where several GPUs share the work.  Overhead on the CPU: three processes that import torch took
    2.1 GiB, shared pages counted once (vLLM 0.32.0, measured 2026-11-23), rounded up.
    """
    weights = _weight_bytes(model, facts) * _WEIGHTS_FACTOR * parallelism.share_of_weights(facts)
    adapters = len(model.lora_adapters) * lora_bytes(model, facts, lora_rank) * parallelism.share_of_layers(facts)
    nccl_gib = _NCCL_GIB.get(parallelism.devices, _NCCL_GIB_FROM_THREE)
    return MemoryNeed(
        weights_gib=(weights + adapters) / GIB,
        kv_cache_gib=kv_cache_bytes(model, facts, load, device=device, parallelism=parallelism) / GIB,
        overhead_gib=_OVERHEAD_GIB[device] + nccl_gib,
    )


def weights_gib(model: ModelSpec, facts: ModelFacts) -> float:
    """All of the weights, as they are served."""
    return _weight_bytes(model, facts) / GIB


def lora_bytes(model: ModelSpec, facts: ModelFacts, rank: int | None) -> int:
    """One adapter's place in memory, for which vLLM allots the highest rank in every linear layer.

    A matrix of in x out becomes rank x (in + out).  The width of the layer's MLP is what its parameters leave for three
    matrices beside attention.  One GPU of several holds the half that is split and the half that is not
    (vllm/lora/layers, `fully_sharded_loras`, vLLM 0.32.0), which is counted as the whole.
    """
    hidden = facts.hidden_size
    queries, keys = facts.num_attention_heads * facts.head_dim, facts.num_key_value_heads * facts.head_dim
    attention = 2 * hidden * (queries + keys)
    layer = (facts.parameter_count - 2 * facts.vocab_size * hidden) / facts.num_hidden_layers
    mlp = max(layer - attention, 0) / (3 * hidden)
    ends = (hidden + queries) * 2 + (hidden + keys) * 2 + (hidden + mlp) * 3
    elements = allowed_lora_rank(rank or DEFAULT_LORA_RANK) * ends * facts.num_hidden_layers
    return int(elements * _BYTES_PER_ELEMENT[_served_dtype(model)])


def kv_cache_bytes_per_token(model: ModelSpec, facts: ModelFacts) -> int:
    """2 (key and value) x layers x KV heads x head_dim x bytes, for full attention and a cache in the model's own type.

    Llama-3.1-8B in 16 bit: 131,072 bytes.  Models with latent or sliding-window attention need less.
    """
    elements = 2 * facts.num_hidden_layers * facts.num_key_value_heads * facts.head_dim
    return elements * _BYTES_PER_ELEMENT[_served_dtype(model)]


def kv_cache_bytes(
    model: ModelSpec, facts: ModelFacts, load: Load, *, device: Device, parallelism: Parallelism = ONE_DEVICE
) -> int:
    """The KV cache that holds the expected requests at once, each rounded up to whole blocks; one device's part of it.

    At least one request as long as the context, without which vLLM refuses to start, and one more block, which vLLM
    keeps for itself (vllm/v1/core/block_pool.py, null_block).  Never below 64 MiB.
    """
    block = BLOCK_TOKENS[device]
    context_blocks = -(-context_tokens(model, facts) // block)
    mean_blocks = min(-(-load.mean_request_tokens // block), context_blocks)
    blocks = max(load.concurrent_requests * mean_blocks, context_blocks) + 1
    all_devices = blocks * block * kv_cache_bytes_per_token(model, facts)
    return max(math.ceil(all_devices * parallelism.share_of_kv_cache(facts)), LEAST_KV_CACHE_BYTES)


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
