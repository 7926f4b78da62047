"""The keys of a stack's configuration that are about a function of AWS Lambda and the API before it."""

from typing import Literal

from pydantic import BaseModel, Field

from moorage.aws.domain_name_spec import CustomDomain
from moorage.aws.lambda_prices import Architecture
from moorage.aws.provisioned_concurrency_spec import ProvisionedConcurrency
from moorage.aws.rest_api_spec import Throttle
from moorage.spec.numbers import WholeNumber
from strict import STRICT


class FunctionSettings(BaseModel):
    """How large the function is, how much of it there is, and how clients reach it."""

    model_config = STRICT

    account_id: str | None = Field(
        default=None, pattern=r"^\d{12}$", description="Where the stack is. Default: where its image is."
    )
    architecture: Architecture = Field(default="arm64", description="Of the image. Default: arm64.")
    memory_mb: WholeNumber | None = Field(
        default=None, ge=128, le=10_240, description="Default: what the model and the service level ask for."
    )
    reserved_concurrency: WholeNumber | None = Field(
        default=None, ge=1, description="Requests that are answered at once. Default: load.concurrent_requests."
    )
    provisioned_concurrency: ProvisionedConcurrency | None = Field(
        default=None, description="Environments that are kept started. Default: none."
    )
    warm_up_minutes: WholeNumber | None = Field(
        default=None, ge=1, le=60, description="A request every so often, which keeps one started. Default: none."
    )
    throttle: Throttle | None = Field(default=None, description="For all clients. Default: 50 a second, 100 at once.")
    client_cidrs: list[str] | None = Field(
        default=None, min_length=1, description="Networks from which clients come. Default: any."
    )
    custom_domain: CustomDomain | None = Field(default=None, description="Default: API Gateway's own name.")
    log_role: Literal["install", "present"] = Field(
        default="install", description="Of API Gateway in the account and region. Default: the stack sets it."
    )
    tracing: bool = Field(default=False, description="By X-Ray. Default: no.")
    log_retention_days: WholeNumber = Field(default=90, description="Default: 90.")
