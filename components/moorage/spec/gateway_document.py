"""What tells a gateway its upstreams and keys: this library's side of contracts/gateway-config.v1.schema.json."""

import hashlib
import json
from collections.abc import Sequence
from typing import Literal, NotRequired, TypedDict, cast

from moorage.spec.gateway_settings import OWN_KEY_ID, GatewaySettings

DOCUMENT_VERSION = 1

Authentication = Literal["api_keys", "none"]


class UpstreamAuthentication(TypedDict):
    """How the gateway proves to the engine who it is."""

    bearer_token_environment_variable: str
    """Name of the variable, in the gateway's environment, that holds the token."""


class Activation(TypedDict):
    """How an engine that is not always up is started."""

    address: NotRequired[str]
    """Of the hook that a gateway calls while requests wait: `http://host:port` or `unix:///path`. Left out where an
    autoscaler reads the gateway's demand instead."""


class Upstream(TypedDict):
    """One engine, as every engine component exposes it."""

    name: str
    """Unique among a gateway's upstreams."""
    kind: Literal["openai-http", "sagemaker"]
    address: NotRequired[str]
    """Of `openai-http`: `http://host:port`, `https://host` or `unix:///path`, without the `/v1`."""
    endpoint_name: NotRequired[str]
    """Of `sagemaker`."""
    discovery: NotRequired[Literal["dns"]]
    """`dns`: every address behind the host's name is an engine of its own. Left out: there is one."""
    model: str
    """The name that clients ask for."""
    revision: str
    """Which weights these are."""
    authentication: NotRequired[UpstreamAuthentication]
    """Left out for an engine that the gateway alone can reach."""
    region: NotRequired[str]
    """Of `sagemaker`, which is called there; else for reading only."""
    max_concurrent_requests: NotRequired[int]
    """Left out: the gateway sends as many as it gets."""
    activation: NotRequired[Activation]
    """Left out for an engine that is always up."""


class Key(TypedDict):
    """One client's key, of which the gateway knows the hash alone."""

    id: str
    sha256: str
    tenant: NotRequired[str]
    """Whose limits hold. Left out: no limits."""


def generated_key(key: str, tenant: str | None, key_id: str = OWN_KEY_ID) -> Key:
    """What a gateway knows of the key that a stack has made up.

    The hash is no secret: 256 random bits cannot be found from it.
    """
    own = Key(id=key_id, sha256=hashlib.sha256(key.encode()).hexdigest())
    if tenant is not None:
        own["tenant"] = tenant
    return own


def render_gateway_document(
    upstreams: Sequence[Upstream],
    keys: Sequence[Key],
    authentication: Authentication,
    redis_url: str | None,
    settings: GatewaySettings,
    *,
    redis_url_environment_variable: str | None = None,
) -> str:
    """The document as JSON, the same text for the same values. The keys of `settings` come after `keys`.

    `redis_url_environment_variable` is where the gateway finds the URL of Redis, instead of `redis_url`.
    """
    variable = {"redis_url_environment_variable": redis_url_environment_variable}
    document = {
        **(variable if redis_url_environment_variable is not None else {}),
        **settings,
        "version": DOCUMENT_VERSION,
        "upstreams": list(upstreams),
        "authentication": authentication,
        "keys": [*keys, *cast("list[Key]", settings.get("keys", []))],
        "redis_url": redis_url,
    }
    return json.dumps(document, indent=2, sort_keys=True) + "\n"
