"""The model: which weights, and how they are served."""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationInfo, field_validator

from moorage.spec.numbers import WholeNumber
from moorage.spec.source import FolderSource, HubSource, ModelSource, check_hub_revision, parse_source

# Methods of vLLM 0.32.0 (vllm/model_executor/layers/quantization, read 2026-11-23) without the deprecated ones.
Quantization = Literal[
    "auto_awq", "auto_gptq", "awq", "awq_marlin", "compressed-tensors", "deepseek_v4_fp8", "experts_int8", "fp8",
    "fp8_per_block", "fp8_per_channel", "fp8_per_tensor", "gpt_oss_mxfp4", "gptq", "gptq_marlin", "humming", "inc",
    "int8_per_channel_weight_only", "modelopt", "modelopt_fp4", "modelopt_mixed", "modelopt_mxfp8", "moe_wna16",
    "mxfp4", "mxfp8", "nvfp4_per_token", "online", "quark", "torchao",
]  # fmt: skip
Dtype = Literal["auto", "bfloat16", "float16", "float32"]
_SERVED_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/-]{0,126}")


def _check_served_name(name: str) -> str:
    if not _SERVED_NAME.fullmatch(name):
        raise ValueError("must be a letter or digit, then up to 126 letters, digits or any of . _ : / -")
    return name


def _default_served_name(validated: Mapping[str, Any]) -> str:
    source: ModelSource = validated["source"]
    return source.last_part


ServedName = Annotated[str, AfterValidator(_check_served_name)]
HubRevision = Annotated[str, AfterValidator(check_hub_revision)]
Source = Annotated[ModelSource, BeforeValidator(parse_source)]


class ModelSpec(BaseModel):
    """Which weights are served and how; everything else about the engine is derived from it."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    source: Source = Field(
        description="The weights: `hf://organisation/name`, `hf://organisation/name@revision`, `s3://bucket/folder`, "
        "`gs://bucket/folder`, or a local folder."
    )
    revision: HubRevision | None = Field(
        default=None,
        description="Branch, tag or commit of a Hub repository, unless `source` has it. Default: the Hub's main "
        "branch. For a bucket's folder: any name; another one says that it holds other weights. Default: the folder's "
        "name. A local folder's revision is computed from its files.",
    )
    served_name: ServedName = Field(
        default_factory=_default_served_name,
        validate_default=True,
        description="The name that clients ask for. Default: the last part of `source`.",
    )
    dtype: Dtype = Field(
        default="auto",
        description="Precision of weights and activations. Default: the one that the model was saved in.",
    )
    quantization: Quantization | None = Field(
        default=None,
        description="How the weights are quantized. Default: what the model's own config.json says.",
    )
    max_model_len: WholeNumber | None = Field(
        default=None,
        ge=1,
        description="Context length in tokens, prompt and answer together. Default: the model's own.",
    )
    lora_adapters: Mapping[ServedName, Source] = Field(
        default_factory=dict[str, ModelSource],
        description="LoRA adapters: the name that clients ask for, and the source. Default: none.",
    )
    chat_template: str | None = Field(
        default=None,
        min_length=1,
        description="Path of a Jinja chat template. Default: the model's own.",
    )

    @field_validator("revision")
    @classmethod
    def _given_once(cls, revision: str | None, info: ValidationInfo) -> str | None:
        source = info.data.get("source")
        if revision is not None and isinstance(source, FolderSource):
            raise ValueError("must be left out, because a local folder's revision is computed from its files")
        if revision is not None and isinstance(source, HubSource) and source.revision is not None:
            raise ValueError(f"must be left out, because source has the revision {source.revision} already")
        return revision

    @field_validator("lora_adapters")
    @classmethod
    def _servable_adapters(cls, adapters: Mapping[str, ModelSource], info: ValidationInfo) -> Mapping[str, ModelSource]:
        pinned = [name for name, source in adapters.items() if isinstance(source, HubSource) and source.revision]
        if pinned:
            raise ValueError(f"vLLM takes no revision for a LoRA adapter; remove the @ from {', '.join(pinned)}")
        if info.data.get("served_name") in adapters:
            raise ValueError("must not use the name of the model itself")
        return MappingProxyType(dict(adapters))

    @property
    def hub_revision(self) -> str | None:
        """The revision that was asked of the Hub, wherever it was given; None for its main branch or a folder."""
        return self.source.revision or self.revision if isinstance(self.source, HubSource) else None
