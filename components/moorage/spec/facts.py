"""What a model says about itself."""

from pydantic import BaseModel, ConfigDict, Field

from moorage.spec.numbers import WholeNumber


class ModelFacts(BaseModel):
    """Read from a model's config.json and the headers of its weights; the names are config.json's own."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    architecture: str = Field(min_length=1, description="The first of `architectures`, such as LlamaForCausalLM.")
    weight_bytes: WholeNumber = Field(ge=1, description="Of all weight files together.")
    parameter_count: WholeNumber = Field(ge=1)
    dtype: str = Field(
        min_length=1, description="The safetensors name of the type that holds the most bytes, such as BF16."
    )
    hidden_size: WholeNumber = Field(ge=1)
    num_hidden_layers: WholeNumber = Field(ge=1)
    num_attention_heads: WholeNumber = Field(ge=1)
    num_key_value_heads: WholeNumber = Field(ge=1)
    head_dim: WholeNumber = Field(ge=1)
    max_position_embeddings: WholeNumber = Field(ge=1)
    vocab_size: WholeNumber = Field(ge=1)
    is_quantized: bool = Field(default=False, description="config.json has a `quantization_config`. Default: no.")
