"""The gateway's configuration: the Python form of contracts/gateway-config.v1.schema.json, nothing more.

Every model is strict (no coercion), closed (unknown keys are errors) and frozen (a new configuration is a new object).
What JSON Schema cannot say, and is checked here on top: names of upstreams, ids of keys and hashes of keys are unique.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

# The patterns are the schema's, written for pydantic's regular expressions, where `$` is the end of the text.
HOST = r"([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])"
UpstreamName = Annotated[str, StringConstraints(pattern=r"^[a-zA-Z0-9][a-zA-Z0-9._-]{0,126}$")]
KeyId = Annotated[str, StringConstraints(pattern=r"^[a-zA-Z0-9][a-zA-Z0-9._-]{0,62}$")]
Sha256Hex = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Address = Annotated[str, StringConstraints(pattern=rf"^(https?://{HOST}(:[0-9]{{1,5}})?|unix:///[^?#\x00-\x1f]+)$")]
EnvironmentVariableName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
RedisUrl = Annotated[
    str,
    StringConstraints(pattern=rf"^(rediss?://([^@/\s]*@)?{HOST}(:[0-9]{{1,5}})?(/[0-9]*)?|unix:///[^?#\x00-\x1f]+)$"),
]
NonEmpty = Annotated[str, StringConstraints(min_length=1)]
Seconds = Annotated[float, Field(gt=0, le=86_400)]


class Document(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class UpstreamAuthentication(Document):
    """How the gateway authenticates itself to an engine: the environment variable that holds the bearer token."""

    bearer_token_environment_variable: EnvironmentVariableName


class UpstreamConfig(Document):
    """One engine. `address` is `http://host:port`, `https://host[:port]` or `unix:///path`, without the `/v1`."""

    name: UpstreamName
    kind: Literal["openai-http"]
    address: Address
    model: NonEmpty
    revision: NonEmpty
    authentication: UpstreamAuthentication | None = None
    region: str | None = None
    max_concurrent_requests: Annotated[int, Field(ge=1)] | None = None


class ApiKey(Document):
    """A client's key: `sha256` is the hash of what the client sends, `id` names it in logs, metrics and usage."""

    id: KeyId
    sha256: Sha256Hex


class Timeouts(Document):
    """Seconds. A long answer is not cut: there is no total timeout.

    `connect_seconds` (5) bounds opening a connection to an engine. `first_byte_seconds` (120) bounds the time from
    sending the request to the first byte of the answer's body, so it has to cover waiting in the engine's queue and a
    long prompt. `idle_seconds` (60) bounds the gap between two reads of the answer.
    """

    connect_seconds: Seconds = 5
    first_byte_seconds: Seconds = 120
    idle_seconds: Seconds = 60


class GatewayConfig(Document):
    """The whole document.

    `upstreams` are tried in order among those that serve the model asked for. `authentication` is `api_keys` (every
    request to /v1 carries a bearer key out of `keys`) or `none` (anybody who reaches the port is let in).
    `max_request_body_bytes` (10 MiB) is answered 413 when passed. `redis_url` is where token usage per key is added
    up; without it usage is in the process's metrics only.
    """

    version: Annotated[int, Field(ge=1, le=1)]  # no Literal: that takes `true` for 1
    upstreams: Annotated[tuple[UpstreamConfig, ...], Field(min_length=1)]
    authentication: Literal["api_keys", "none"] = "api_keys"
    keys: tuple[ApiKey, ...] = ()
    timeouts: Timeouts = Timeouts()
    max_request_body_bytes: Annotated[int, Field(ge=1024, le=1_073_741_824)] = 10_485_760
    redis_url: RedisUrl | None = None

    @model_validator(mode="after")
    def _has_keys_where_keys_are_asked_for(self) -> Self:
        if self.authentication == "api_keys" and not self.keys:
            raise ValueError("keys: at least one is needed, or authentication must be 'none'")
        return self

    @model_validator(mode="after")
    def _names_are_unique(self) -> Self:
        for path, values in (
            ("upstreams[].name", [upstream.name for upstream in self.upstreams]),
            ("keys[].id", [key.id for key in self.keys]),
            ("keys[].sha256", [key.sha256 for key in self.keys]),
        ):
            repeated = sorted({value for value in values if values.count(value) > 1})
            if repeated:
                raise ValueError(f"{path}: must be unique, given twice: {', '.join(repeated)}")
        return self
