"""Which resources make credentials up on this machine, without asking anybody."""

from collections.abc import Mapping

CREDENTIALS: Mapping[str, tuple[str, ...]] = {
    "pulumi-python:dynamic/moorage:ApiKey": ("key",),
    "pulumi-python:dynamic/moorage:Password": ("password",),
    "pulumi-python:dynamic/moorage:ServerCertificate": ("ca_certificate", "certificate", "private_key"),
}
"""Their outputs, by type."""
HASHED = frozenset({"pulumi-python:dynamic/moorage:ApiKey"})
"""Of these, programs write a hash, in which no mark would be seen any more."""
