"""The specification as plain dictionaries: what components take, from Python and from every other Pulumi language.

`ModelSpec`, `Load` and `ServiceLevel` say what each key means, and validate it.
"""

from typing import NotRequired, TypedDict


class ModelArgs(TypedDict):
    """As `moorage.spec.ModelSpec`."""

    source: str
    """`hf://organisation/name[@revision]`, `s3://bucket/folder`, `gs://bucket/folder` or a local folder."""
    revision: NotRequired[str]
    """Of a Hub repository, or a name for what a bucket's folder holds. Default: the Hub's main branch, the folder's
    name."""
    served_name: NotRequired[str]
    """The name that clients ask for. Default: the last part of `source`."""
    dtype: NotRequired[str]
    """Default: the one that the model was saved in."""
    quantization: NotRequired[str]
    """Default: what the model's own config.json says."""
    max_model_len: NotRequired[int]
    """Context length in tokens. Default: the model's own."""
    lora_adapters: NotRequired[dict[str, str]]
    """Name to source. Default: none."""
    chat_template: NotRequired[str]
    """Path of a Jinja template. Default: the model's own."""


class LoadArgs(TypedDict):
    """As `moorage.spec.Load`."""

    concurrent_requests: NotRequired[int]
    """Default: 16."""
    mean_prompt_tokens: NotRequired[int]
    """Default: 512."""
    mean_output_tokens: NotRequired[int]
    """Default: 128."""
    max_prompt_tokens: NotRequired[int]
    """Default: what the model's context leaves room for."""
    max_output_tokens: NotRequired[int]
    """Default: what the model's context leaves room for."""


class ServiceLevelArgs(TypedDict):
    """As `moorage.spec.ServiceLevel`."""

    p99_request_seconds: NotRequired[float]
    """Default: 45."""


class ModelFactsArgs(TypedDict):
    """As `moorage.spec.ModelFacts`."""

    architecture: str
    """The first of config.json's `architectures`."""
    weight_bytes: int
    """Of all weight files together."""
    parameter_count: int
    """Of all weights."""
    dtype: str
    """The safetensors name of the type that holds the most bytes, such as `BF16`."""
    hidden_size: int
    """As in config.json."""
    num_hidden_layers: int
    """As in config.json."""
    num_attention_heads: int
    """As in config.json."""
    num_key_value_heads: int
    """As in config.json, or `num_attention_heads` where it has none."""
    head_dim: int
    """As in config.json, or `hidden_size` / `num_attention_heads` where it has none."""
    max_position_embeddings: int
    """As in config.json."""
    vocab_size: int
    """As in config.json."""
    is_quantized: NotRequired[bool]
    """Whether config.json has a `quantization_config`. Default: no."""
