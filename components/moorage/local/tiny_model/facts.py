"""What is known of the tiny model before it is built."""

import json
from pathlib import Path

from moorage.spec import ModelFacts


def tiny_model_facts() -> ModelFacts:
    """From the hyper-parameters alone; `inspect_model_folder` finds the same in the built folder."""
    shape = json.loads((Path(__file__).parent / "hyperparameters.json").read_text(encoding="utf-8"))
    hidden, layers, heads = shape["hidden_size"], shape["num_hidden_layers"], shape["num_attention_heads"]
    head_dim = hidden // heads
    attention = 2 * hidden * hidden + 2 * hidden * shape["num_key_value_heads"] * head_dim
    feed_forward = 3 * hidden * shape["intermediate_size"]
    norms = 2 * hidden
    embeddings = shape["vocabulary_size"] * hidden  # input and output share them
    parameters = layers * (attention + feed_forward + norms) + hidden + embeddings
    return ModelFacts(
        architecture="LlamaForCausalLM",
        weight_bytes=2 * parameters,
        parameter_count=parameters,
        dtype="BF16",
        hidden_size=hidden,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        num_key_value_heads=shape["num_key_value_heads"],
        head_dim=head_dim,
        max_position_embeddings=shape["max_position_embeddings"],
        vocab_size=shape["vocabulary_size"],
        is_quantized=False,
    )
