"""The keys of a stack's configuration that are about engines in another region."""

from pydantic import BaseModel, Field, ValidationInfo, field_validator

from moorage.aws.key_arn import KeyArn
from moorage.spec.numbers import WholeNumber
from strict import STRICT


class FailoverSettings(BaseModel):
    """An endpoint of SageMaker that gateways ask where the stack's own engines do not answer."""

    model_config = STRICT

    region: str = Field(min_length=1, description="Another one than the stack's own.")
    source: str = Field(
        pattern=r"^s3://[a-z0-9.-]+/.+",
        description="The same weights as the model's, `s3://bucket/folder` in that region.",
    )
    model_key_arn: KeyArn | None = Field(
        default=None, description="Of the key that they are encrypted with. Default: none."
    )
    min_instances: WholeNumber = Field(default=1, ge=1, description="Always up, and paid for. Default: 1.")
    max_instances: WholeNumber | None = Field(default=None, ge=1, description="By load. Default: as many as always.")

    @field_validator("max_instances")
    @classmethod
    def _not_below_min(cls, most: int | None, info: ValidationInfo) -> int | None:
        least = info.data.get("min_instances", 1)
        if most is not None and most < least:
            raise ValueError(f"must be at least min_instances = {least}")
        return most
