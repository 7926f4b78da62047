"""The load that a user expects; it sizes the KV cache."""

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator

from moorage.spec.numbers import WholeNumber


class Load(BaseModel):
    """How much is asked at once, and how long prompts and answers are, in tokens."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    concurrent_requests: WholeNumber = Field(
        default=16, ge=1, description="Requests that are answered at the same time. Default: 16."
    )
    mean_prompt_tokens: WholeNumber = Field(default=512, ge=1, description="Default: 512.")
    mean_output_tokens: WholeNumber = Field(default=128, ge=1, description="Default: 128.")
    max_prompt_tokens: WholeNumber | None = Field(
        default=None, ge=1, description="Longest prompt. Default: what the model's context leaves room for."
    )
    max_output_tokens: WholeNumber | None = Field(
        default=None, ge=1, description="Longest answer. Default: what the model's context leaves room for."
    )

    @field_validator("max_prompt_tokens", "max_output_tokens")
    @classmethod
    def _not_below_mean(cls, longest: int | None, info: ValidationInfo) -> int | None:
        mean_name = str(info.field_name).replace("max", "mean", 1)
        mean = info.data.get(mean_name)
        if longest is not None and mean is not None and mean > longest:
            raise ValueError(f"must be at least {mean_name} = {mean}")
        return longest

    @property
    def mean_request_tokens(self) -> int:
        """Prompt and answer of a mean request."""
        return self.mean_prompt_tokens + self.mean_output_tokens
