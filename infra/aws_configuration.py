"""The keys of a stack's configuration that are about AWS."""

from typing import Literal

from pydantic import BaseModel, Field

from moorage.aws.key_arn import KeyArn
from moorage.aws.monitoring_spec import Email
from moorage.spec.numbers import WholeNumber
from strict import STRICT


class AwsSettings(BaseModel):
    """Where the stack is on AWS."""

    model_config = STRICT

    region: str = Field(min_length=1, description="Such as us-east-1.")
    availability_zones: list[str] = Field(
        default_factory=list, description="At least two of the region, where the stack has a network."
    )
    public_access_cidrs: list[str] | None = Field(
        default=None,
        min_length=1,
        description="Who reaches the cluster's API from outside of its network. Default: nobody.",
    )
    administrators: dict[str, str] = Field(
        default_factory=dict, description="A name of your own to the ARN of a role or user. Default: who creates it."
    )
    model_key_arn: KeyArn | None = Field(
        default=None, description="Of the key that the model's bucket is encrypted with. Default: none."
    )
    key_rotation_days: WholeNumber | None = Field(
        default=None,
        ge=1,
        le=1000,
        description="After so many days the gateway's key is another one, in Secrets Manager. Default: it stays.",
    )
    interface_endpoints: bool = Field(
        default=False,
        description="Whether the services that the stack calls are reached without the NAT gateway, at a price for "
        "each in each zone. Default: they are not.",
    )
    serverless_cache: bool = Field(
        default=False,
        description="Outside of a cluster: whether the gateways' cache is ElastiCache Serverless, paid by what is "
        "stored and asked. Default: nodes in each zone, paid by the hour.",
    )
    deletion_protection: bool = Field(
        default=True,
        description="Whether the cluster and its key, or outside of a cluster the gateways' balancer and what jobs are "
        "kept in, refuse to be deleted. Default: they do.",
    )
    tags: dict[str, str] = Field(default_factory=dict, description="On everything that takes them. Default: none.")


KEYS_OF_AWS = {name: f"aws.{name}" for name in AwsSettings.model_fields}
"""Where a stack's file has what components take by the same name."""


class FargateSettings(BaseModel):
    """How large an engine on Fargate is; its memory follows from the model."""

    model_config = STRICT

    cpu: float = Field(default=4.0, gt=0, allow_inf_nan=False, description="vCPUs of each engine. Default: 4.")
    architecture: Literal["arm64", "x86_64"] = Field(default="x86_64", description="Of the image. Default: x86_64.")


class CloudWatchSettings(BaseModel):
    """Who is told when a stack costs more than was meant, or, outside of a cluster, does not keep its promise."""

    model_config = STRICT

    alarm_email: Email | None = Field(
        default=None, description="Who is told. Default: whoever subscribes to the topic of the alarms."
    )
    monthly_budget_usd: float | None = Field(
        default=None,
        gt=0,
        allow_inf_nan=False,
        description="Of the account's whole bill. Default: half as much again as the estimate, where there is one.",
    )
    runbook_url: str = Field(
        default="docs/runbooks/aws-alarms.md",
        min_length=1,
        description="Outside of a cluster, of that page, wherever it is read: each alarm links it. Default: its path "
        "in this repository.",
    )
