"""Valkey in a cluster."""

from typing import NotRequired, TypedDict

import pulumi
from pulumi_kubernetes import apps, core

from moorage.credentials.password import Password
from moorage.credentials.server_certificate import ServerCertificate
from moorage.kubernetes.cache_objects import (
    CONFIGURATION_NAME,
    PASSWORD_NAME,
    PORT,
    CacheObjects,
    valkey_configuration,
)
from moorage.kubernetes.cache_spec import CacheSpec
from moorage.kubernetes.content_secret import content_secret
from moorage.spec.gateway_settings import GatewaySettings
from moorage.spec.parsing import known_of, parse


class KubernetesValkeyArgs(TypedDict):
    """What it has to hold."""

    namespace: pulumi.Input[str]
    """Where all of its objects are."""
    image: str
    """Valkey's image by its digest, `name@sha256:…`."""
    settings: NotRequired[GatewaySettings]
    """Those of the gateways: how much they may store follows from them. Default: no cache, limits and usage alone."""
    memory_mib: NotRequired[int]
    """What it stores at most. Default: what `settings` need."""
    storage_gib: NotRequired[int]
    """Of a volume that keeps monthly limits and usage when its pod ends. Default: nothing is written to disk."""


class KubernetesValkey(pulumi.ComponentResource):
    """One Valkey server for all gateways of a stack: TLS alone, with a password that nobody has to know.

    What it stores of answers is not encrypted in its memory. Its certificate and password are made once;
    `pulumi up --replace URN` renews them.
    """

    url: pulumi.Output[str]
    """`rediss://:password@host:port/0`, as the gateway takes it; a secret."""
    ca_certificate: pulumi.Output[str]
    """Who has signed its certificate, in PEM; a gateway needs it to trust the server."""

    def __init__(self, name: str, args: KubernetesValkeyArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Raises `moorage.spec.SpecError` for arguments that cannot be served."""
        super().__init__("moorage:index:KubernetesValkey", name, dict(args), opts)
        objects = CacheObjects(name, args["namespace"], parse(CacheSpec, known_of(CacheSpec, args), ""))
        child = pulumi.ResourceOptions(parent=self)
        host = pulumi.Output.concat(name, ".", args["namespace"], ".svc")
        password = Password(f"{name}-password", child).password
        certificate = ServerCertificate(
            f"{name}-certificate", [host, pulumi.Output.concat(host, ".cluster.local")], child
        )
        secret = content_secret(
            f"{name}-configuration",
            {**objects.metadata(), "name": f"{name}-configuration"},
            {
                CONFIGURATION_NAME: password.apply(lambda known: valkey_configuration(objects.spec, known)),
                PASSWORD_NAME: password,
                "tls.crt": certificate.certificate,
                "tls.key": certificate.private_key,
                "ca.crt": certificate.ca_certificate,
            },
            child,
        )
        apps.v1.StatefulSet(f"{name}-server", opts=child, **objects.stateful_set(secret))
        core.v1.Service(f"{name}-service", opts=child, **objects.service())
        self.url = pulumi.Output.concat("rediss://:", password, "@", host, f":{PORT}/0")
        self.ca_certificate = certificate.ca_certificate
        self.register_outputs({"url": self.url, "ca_certificate": self.ca_certificate})
