"""How many engines there may be, validated."""

from typing import Literal, TypedDict

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator

from moorage.spec.numbers import WholeNumber, not_below

_CRON_FIELDS = 5
DEFAULT_IDLE_SECONDS = 1800
"""From the last request to zero replicas: longer than a start, for which the next request has to wait. Requests that
come by chance stop and start an engine every e x this long at the most often, 0.7 times an hour."""


class BusinessHoursArgs(TypedDict):
    """When there are more engines than load alone would ask for."""

    timezone: str
    """`Europe/Berlin`, as the tz database has it."""
    start: str
    """Five fields of cron: `0 8 * * 1-5`."""
    end: str
    """Five fields of cron."""
    min_replicas: int
    """From `start` to `end`."""


class BusinessHours(BaseModel):
    """As `BusinessHoursArgs`."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    timezone: str = Field(min_length=1)
    start: str
    end: str
    min_replicas: WholeNumber = Field(ge=1)

    @field_validator("start", "end")
    @classmethod
    def _is_cron(cls, text: str) -> str:
        if len(text.split()) != _CRON_FIELDS:
            raise ValueError("must be five fields of cron, like 0 8 * * 1-5")
        return text


class AutoscalerSpec(BaseModel):
    """What `VllmAutoscalerArgs` say that is known before anything is created."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    model: str = Field(min_length=1)
    max_num_seqs: WholeNumber = Field(ge=1)
    controller: Literal["keda", "hpa"] = "keda"
    has_gateway: bool = False
    min_replicas: WholeNumber = Field(ge=0)
    max_replicas: WholeNumber = Field(ge=1)
    business_hours: BusinessHours | None = None
    idle_seconds: WholeNumber = Field(default=DEFAULT_IDLE_SECONDS, ge=1)

    @field_validator("min_replicas")
    @classmethod
    def _zero_needs_who_holds_requests(cls, least: int, info: ValidationInfo) -> int:
        if least == 0 and info.data.get("controller") == "hpa":
            raise ValueError("must be at least 1 with controller = hpa, which does not start from zero")
        if least == 0 and not info.data.get("has_gateway"):
            raise ValueError(
                "must be at least 1, or gateway_namespace must name whose gateways hold requests meanwhile"
            )
        return least

    _not_below_min = field_validator("max_replicas")(not_below("min_replicas"))

    @field_validator("business_hours")
    @classmethod
    def _is_possible(cls, hours: BusinessHours | None, info: ValidationInfo) -> BusinessHours | None:
        if hours is not None and info.data.get("controller") == "hpa":
            raise ValueError("needs controller = keda")
        most = info.data.get("max_replicas")
        if hours is not None and most is not None and hours.min_replicas > most:
            raise ValueError(f"min_replicas = {hours.min_replicas} must be at most max_replicas = {most}")
        return hours

    @field_validator("idle_seconds")
    @classmethod
    def _ends_in_zero(cls, idle_seconds: int, info: ValidationInfo) -> int:
        if info.data.get("min_replicas", 0) > 0:
            raise ValueError(f"has no meaning with min_replicas = {info.data['min_replicas']}")
        return idle_seconds
