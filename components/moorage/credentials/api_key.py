"""A key for the gateway, made once and kept in the stack's state as a secret."""

import secrets
from collections.abc import Mapping

import pulumi
from pulumi.dynamic import CreateResult, ResourceProvider

from moorage.credentials.credential import Credential

KEY_PREFIX = "moorage-"
_KEY_BYTES = 32


class _ApiKeyProvider(ResourceProvider):
    serialize_as_secret_always = False

    def create(self, props: Mapping[str, object]) -> CreateResult:
        return CreateResult(secrets.token_hex(8), {"key": KEY_PREFIX + secrets.token_urlsafe(_KEY_BYTES)})


class ApiKey(Credential, module="moorage", name="ApiKey"):
    """256 random bits behind the prefix `moorage-`. `pulumi up --replace URN` rotates the key."""

    implementation = _ApiKeyProvider

    key: pulumi.Output[str]
    """The key itself, a secret."""

    def __init__(self, name: str, opts: pulumi.ResourceOptions | None = None) -> None:
        secret = pulumi.ResourceOptions(additional_secret_outputs=["key"])
        super().__init__(name, {"key": None}, pulumi.ResourceOptions.merge(opts, secret))
