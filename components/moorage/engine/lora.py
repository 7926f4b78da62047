"""The ranks of LoRA adapters that vLLM serves."""

# vllm/config/lora.py (MaxLoRARanks), vLLM 0.32.0
_RANKS = (1, 8, 16, 32, 64, 128, 256, 320, 512)
DEFAULT_LORA_RANK = 16
"""vLLM's own `--max-lora-rank`."""
MAX_LORA_RANK = _RANKS[-1]


def allowed_lora_rank(rank: int) -> int:
    """The lowest `--max-lora-rank` that serves adapters of this rank.

    Raises:
        ValueError: the rank is above vLLM's highest.
    """
    if rank > MAX_LORA_RANK:
        raise ValueError(f"lora_rank = {rank}: vLLM serves LoRA adapters up to rank {MAX_LORA_RANK}")
    return next(allowed for allowed in _RANKS if allowed >= rank)
