"""How one model is split over several GPUs."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from moorage.spec import ModelFacts


@dataclass(frozen=True)
class Parallelism:
    """Every layer over the GPUs of a node, and the layers over the nodes."""

    tensor_parallel_size: int = 1
    pipeline_parallel_size: int = 1

    @property
    def devices(self) -> int:
        return self.tensor_parallel_size * self.pipeline_parallel_size

    def share_of_layers(self, facts: ModelFacts) -> float:
        """What the node with the most layers has of them."""
        return math.ceil(facts.num_hidden_layers / self.pipeline_parallel_size) / facts.num_hidden_layers

    def share_of_weights(self, facts: ModelFacts) -> float:
        return self.share_of_layers(facts) / self.tensor_parallel_size

    def share_of_kv_cache(self, facts: ModelFacts) -> float:
        """A GPU has at least one whole KV head: more GPUs than heads hold copies (as in `divides_heads`)."""
        heads = facts.num_key_value_heads
        return self.share_of_layers(facts) * max(1, heads // self.tensor_parallel_size) / heads


ONE_DEVICE = Parallelism()


def tensor_parallel_sizes(facts: ModelFacts, gpus: int) -> Iterator[int]:
    """Those up to `gpus` that this model can be split into, the lowest first."""
    return (size for size in range(1, gpus + 1) if divides_heads(facts, size))


def divides_heads(facts: ModelFacts, size: int) -> bool:
    """Attention heads are split evenly, and KV heads are either split or copied evenly.

    Without it vLLM refuses to start (vllm/config/model.py, verify_with_parallel_config;
    vllm/model_executor/models/llama.py, LlamaAttention; vLLM 0.32.0).
    """
    heads = facts.num_key_value_heads
    return facts.num_attention_heads % size == 0 and (heads % size == 0 or size % heads == 0)
