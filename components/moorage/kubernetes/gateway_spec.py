"""What a gateway in a cluster is asked to be, validated."""

from collections.abc import Mapping, Sequence
from typing import Literal, NotRequired, TypedDict

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator

from moorage.kubernetes.gateway_process_spec import GatewayProcessSpec
from moorage.spec.numbers import WholeNumber


class ExposureArgs(TypedDict):
    """How clients reach the gateway."""

    kind: str
    """`cluster`: from inside the cluster alone. `http-route`: through a Gateway of the Gateway API, which ends TLS.
    `load-balancer`: through a balancer of the cloud's own."""
    hostname: NotRequired[str]
    """For `http-route`: what clients call, `llm.example.com`."""
    gateway_name: NotRequired[str]
    """For `http-route`: of the Gateway."""
    gateway_namespace: NotRequired[str]
    """For `http-route`: of the Gateway. Default: this component's namespace."""
    gateway_controller: NotRequired[str]
    """For `http-route`: whose Gateway it is, where it has to be told more: `gke`, which else asks `/` whether a pod is
    healthy and ends every answer after 30 seconds. Default: one that goes by the Service and the route."""
    source_ranges: NotRequired[Sequence[str]]
    """For `load-balancer`: who may reach it, as CIDR blocks. Also `/metrics` is behind this balancer."""
    annotations: NotRequired[Mapping[str, str]]
    """For `load-balancer`: the cloud's own, such as those for an internal balancer or a certificate. Default: none."""
    port: NotRequired[int]
    """For `load-balancer`: 443 where `annotations` have it end TLS. Default: 80."""


class Exposure(BaseModel):
    """As `ExposureArgs`."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    kind: Literal["cluster", "http-route", "load-balancer"] = "cluster"
    hostname: str | None = Field(default=None, min_length=1)
    gateway_name: str | None = Field(default=None, min_length=1)
    gateway_namespace: str | None = Field(default=None, min_length=1)
    gateway_controller: Literal["gke"] | None = None
    source_ranges: list[str] | None = Field(default=None, min_length=1)
    annotations: dict[str, str] = Field(default_factory=dict)
    port: WholeNumber = Field(default=80, ge=1, le=65535)


class GatewaySpec(GatewayProcessSpec):
    """What `KubernetesGatewayArgs` say that is known before anything is created."""

    exposure: Exposure = Exposure()

    @field_validator("exposure")
    @classmethod
    def _is_whole(cls, exposure: Exposure, info: ValidationInfo) -> Exposure:
        needed = {"http-route": ("hostname", "gateway_name"), "load-balancer": ("source_ranges",)}
        missing = [name for name in needed.get(exposure.kind, ()) if getattr(exposure, name) is None]
        if missing:
            raise ValueError(f"kind = {exposure.kind} needs {' and '.join(missing)}")
        if exposure.kind != "cluster" and info.data.get("authentication") == "none":
            raise ValueError(f"kind = {exposure.kind} needs authentication = api_keys: anybody could reach the gateway")
        return exposure
