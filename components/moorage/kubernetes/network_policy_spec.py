"""Who may talk to whom, validated, and what follows from it."""

from collections.abc import Iterator, Sequence
from ipaddress import ip_address, ip_network
from typing import Annotated, NotRequired, Self, TypedDict

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from moorage.kubernetes.gateway_spec import Exposure
from moorage.kubernetes.monitoring_objects import PROMETHEUS_NAMESPACE
from moorage.spec.gateway_settings import ParsedGatewaySettings, otlp_endpoint_of
from moorage.spec.model import ModelSpec
from moorage.spec.source import BucketSource, FolderSource, ModelSource


class ClientsArgs(TypedDict):
    """Who may open a connection to the gateways; all of both."""

    namespaces: NotRequired[Sequence[str]]
    """Of their pods, or of the proxies through which they come. Default: none."""
    cidrs: NotRequired[Sequence[str]]
    """Their networks, or those of the balancers through which they come. Default: none."""


def _network(text: str) -> str:
    try:
        return str(ip_network(text))
    except ValueError:
        raise ValueError("must be a network like 10.0.0.0/8") from None


def _address(text: str) -> str:
    try:
        return str(ip_address(text))
    except ValueError:
        raise ValueError("must be an IP address") from None


Network = Annotated[str, AfterValidator(_network)]
Address = Annotated[str, AfterValidator(_address)]


class Clients(BaseModel):
    """As `ClientsArgs`."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    namespaces: list[str] = Field(default_factory=list)
    cidrs: list[Network] = Field(default_factory=list)

    @model_validator(mode="after")
    def _are_some(self) -> Self:
        """A rule that names nobody lets in everybody."""
        if not self.namespaces and not self.cidrs:
            raise ValueError("must have namespaces or cidrs")
        return self


class NetworkPolicySpec(BaseModel):
    """What `NetworkPoliciesArgs` say that is known before anything is created."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    models: list[ModelSpec] = Field(min_length=1)
    weights_cidrs: list[Network] | None = Field(default=None, min_length=1)
    exposure: Exposure = Exposure()
    clients: Clients | None = None
    gateway_settings: ParsedGatewaySettings = Field(default_factory=dict)
    prometheus_namespace: str = Field(default=PROMETHEUS_NAMESPACE, min_length=1)

    @property
    def bucket_schemes(self) -> frozenset[str]:
        """`s3`, `gs` or both, where weights or adapters are in buckets."""
        return frozenset(
            source.address.partition("://")[0] for source in self._sources() if isinstance(source, BucketSource)
        )

    @property
    def fetches_weights(self) -> bool:
        """Whether anything is not in the engines' image."""
        return any(not isinstance(source, FolderSource) for source in self._sources())

    @property
    def otlp_endpoint(self) -> str | None:
        """Where gateways send traces and metrics."""
        return otlp_endpoint_of(self.gateway_settings)

    def _sources(self) -> Iterator[ModelSource]:
        for model in self.models:
            yield from (model.source, *model.lora_adapters.values())
