"""Engines: where they are and how they are spoken to."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from moorage_serving.gateway.config.document import (
    Address,
    Document,
    EnvironmentVariableName,
    HttpAddress,
    Name,
    NonEmpty,
    Positive,
)


class UpstreamAuthentication(Document):
    """How the gateway proves to an engine who it is."""

    bearer_token_environment_variable: EnvironmentVariableName
    """The environment variable that holds the bearer token."""


class ActivationConfig(Document):
    """How an engine that scales to zero is started."""

    address: Address | None = None
    """Called (`POST /activate`) while requests wait and no engine is up: `http://host:port` or `unix:///path`. Null:
    requests wait, and whoever reads the metric `moorage_gateway_demand_requests` starts one."""


class UpstreamConfig(Document):
    """What every kind of engine has."""

    name: Name
    """Unique in the document; a label of metrics."""
    model: NonEmpty
    """The name that clients ask for, and the engine serves."""
    revision: NonEmpty
    """Which weights these are. Part of every key of the response cache."""
    adapters: tuple[NonEmpty, ...] = ()
    """Names of LoRA adapters that the engine serves beside `model`; clients ask for them like for a model."""
    max_concurrent_requests: Positive | None = None
    """More than this many at once wait in the gateway's queue. Null: the engine gets as many as come.
    Divided among the gateway's processes where the engine's metrics cannot be read."""
    pool: Name | None = None
    """Upstreams of one pool share the load; the pool stands in the order of failover where its first member stands.
    Null: alone."""
    activation: ActivationConfig | None = None
    """For an engine that is not always up. Null: it is."""


class OpenAIHttpUpstreamConfig(UpstreamConfig):
    """An engine that speaks OpenAI's API over HTTP, such as vLLM."""

    kind: Literal["openai-http"]
    address: Address
    """`http://host:port`, `https://host[:port]` or `unix:///path/of/socket`, without the `/v1`."""
    discovery: Literal["dns"] | None = None
    """`dns`: every address behind the host name is an endpoint of its own (a headless Kubernetes service)."""
    authentication: UpstreamAuthentication | None = None
    """Null for an engine that only the gateway can reach."""
    region: str | None = None
    """Where the engine is; for reading only."""


class SageMakerUpstreamConfig(UpstreamConfig):
    """An Amazon SageMaker real-time endpoint. Credentials come from the standard chain of the AWS SDK."""

    kind: Literal["sagemaker"]
    endpoint_name: Annotated[str, StringConstraints(pattern=r"^[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}$")]
    """EndpointName of InvokeEndpoint."""
    inference_component: Annotated[str, StringConstraints(pattern=r"^[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}$")] | None = None
    """InferenceComponentName, where the endpoint has inference components."""
    region: NonEmpty
    """The AWS Region of the endpoint; also what requests are signed for."""
    address: HttpAddress | None = None
    """Instead of the Region's public address, for example that of a VPC endpoint."""


class VertexUpstreamConfig(UpstreamConfig):
    """A Vertex AI endpoint with a dedicated DNS name. Credentials are Google's application default credentials."""

    kind: Literal["vertex"]
    address: HttpAddress
    """`https://` and the dedicated DNS name."""
    project: NonEmpty
    """Project id or number."""
    region: NonEmpty
    """The location of the endpoint."""
    endpoint_id: Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]{1,63}$")]
    """The last part of the endpoint's resource name."""


AnyUpstreamConfig = Annotated[
    OpenAIHttpUpstreamConfig | SageMakerUpstreamConfig | VertexUpstreamConfig, Field(discriminator="kind")
]
