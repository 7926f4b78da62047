"""How well it is served."""

from pydantic import BaseModel, ConfigDict, Field


class ServiceLevel(BaseModel):
    """What clients may rely on, in seconds."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    p99_request_seconds: float = Field(
        default=45,
        gt=0,
        allow_inf_nan=False,
        description="99 of 100 requests are done after this long. An engine that is stopped finishes its requests "
        "for as long. Default: 45.",
    )
