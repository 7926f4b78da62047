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
