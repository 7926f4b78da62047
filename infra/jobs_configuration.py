"""The keys of a stack's configuration that are about jobs: requests that nobody waits for."""

from pydantic import BaseModel, Field, field_validator

from moorage.spec.numbers import WholeNumber, not_below
from strict import STRICT


class WorkerSettings(BaseModel):
    """How many workers there are, by what is in the queue."""

    model_config = STRICT

    min: WholeNumber = Field(
        default=1, ge=0, description="Always up. Default: 1; with 0 the first job waits some minutes for a worker."
    )
    max: WholeNumber = Field(ge=1, description="At the most: what jobs may take from the engines in all.")

    _not_below_min = field_validator("max")(not_below("min"))


class JobsSettings(BaseModel):
    """A queue, and workers who send what is in it to the gateways."""

    model_config = STRICT

    workers: WorkerSettings
