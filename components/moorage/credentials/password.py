"""A password between two parts of a stack, made once and kept in the stack's state as a secret."""

import secrets
from collections.abc import Mapping

import pulumi
from pulumi.dynamic import CreateResult, ResourceProvider

from moorage.credentials.credential import Credential

_BYTES = 32


class _PasswordProvider(ResourceProvider):
    serialize_as_secret_always = False

    def create(self, props: Mapping[str, object]) -> CreateResult:
        return CreateResult(secrets.token_hex(8), {"password": secrets.token_hex(_BYTES)})


class Password(Credential, module="moorage", name="Password"):
    """256 random bits, in hexadecimal digits, which need no quoting in a URL and which every service takes: ElastiCache
    refuses an underscore (docs.aws.amazon.com/AmazonElastiCache/latest/dg/auth.html, read 2026-11-26). `pulumi up
    --replace URN` rotates it."""

    implementation = _PasswordProvider

    password: pulumi.Output[str]
    """The password itself, a secret."""

    def __init__(self, name: str, opts: pulumi.ResourceOptions | None = None) -> None:
        secret = pulumi.ResourceOptions(additional_secret_outputs=["password"])
        super().__init__(name, {"password": None}, pulumi.ResourceOptions.merge(opts, secret))
