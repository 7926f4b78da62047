"""A server's certificate, made once and kept in the stack's state, its private key as a secret."""

import secrets
from collections.abc import Mapping, Sequence
from typing import cast

import pulumi
from pulumi.dynamic import CreateResult, DiffResult, ResourceProvider

from moorage.credentials.credential import Credential


class _ServerCertificateProvider(ResourceProvider):
    serialize_as_secret_always = False

    def create(self, props: Mapping[str, object]) -> CreateResult:
        # The library takes long to import, and programs that only declare the resource do not need it.
        from moorage.credentials.certificates import issue_server_certificate

        dns_names = cast("list[str]", props["dns_names"])
        issued = issue_server_certificate(dns_names)
        outputs = {
            "dns_names": dns_names,
            "ca_certificate": issued.ca_certificate,
            "certificate": issued.certificate,
            "private_key": issued.private_key,
        }
        return CreateResult(secrets.token_hex(8), outputs)

    def diff(self, _id: str, _olds: Mapping[str, object], _news: Mapping[str, object]) -> DiffResult:
        changed = _olds["dns_names"] != _news["dns_names"]
        return DiffResult(changes=changed, replaces=["dns_names"] if changed else [])


class ServerCertificate(Credential, module="moorage", name="ServerCertificate"):
    """For a server that only this stack's own clients speak to: they trust the authority that signed it alone.

    `pulumi up --replace URN` renews it. It is valid for ten years.
    """

    implementation = _ServerCertificateProvider

    ca_certificate: pulumi.Output[str]
    """What clients trust, in PEM."""
    certificate: pulumi.Output[str]
    """In PEM."""
    private_key: pulumi.Output[str]
    """In PEM, a secret."""

    def __init__(
        self, name: str, dns_names: Sequence[pulumi.Input[str]], opts: pulumi.ResourceOptions | None = None
    ) -> None:
        """`dns_names`: those that clients know the server by; other ones mean a new certificate."""
        secret = pulumi.ResourceOptions(additional_secret_outputs=["private_key"])
        properties = {"dns_names": dns_names, "ca_certificate": None, "certificate": None, "private_key": None}
        super().__init__(name, properties, pulumi.ResourceOptions.merge(opts, secret))
