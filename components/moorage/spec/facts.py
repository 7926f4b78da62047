"""What a model says about itself."""

from dataclasses import dataclass


@dataclass(frozen=True)
class ModelFacts:
    """Read from a model's config.json and the headers of its weights; the names are config.json's own."""

    architecture: str
    weight_bytes: int
    parameter_count: int
    dtype: str
    """The safetensors name of the type that holds the most bytes, such as BF16."""
    hidden_size: int
    num_hidden_layers: int
    num_attention_heads: int
    num_key_value_heads: int
    head_dim: int
    max_position_embeddings: int
    vocab_size: int
    is_quantized: bool
    """config.json has a quantization_config."""
